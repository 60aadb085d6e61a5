"""What is kept of every run in MLflow: an own database below .rottenbot/, or the server of MLFLOW_TRACKING_URI."""

import importlib.metadata
import logging
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import mlflow

from training.runs import ROOT, STATE

EXPERIMENT: Final = "rottenbot"
MODEL: Final = "rottenbot"
EMBEDDED: Final = "MLFLOW_TRACKING_URI" not in os.environ  # asked once, as MLflow sets it
DATABASE: Final = STATE / "mlflow.db"
ARTIFACTS: Final = STATE / "artifacts"
PINS: Final = ROOT / "requirements" / "training.txt"


logging.getLogger("mlflow").setLevel(logging.WARNING)


@contextmanager
def run(name: str, continued: str | None = None, nested: bool = False) -> Iterator[str]:
    """A run in MLflow, a new one or the one with the id `continued`; yields its id."""
    connect()
    with mlflow.start_run(run_id=continued, run_name=name, nested=nested, log_system_metrics=not nested) as active:
        yield active.info.run_id


def connect() -> None:
    """Point MLflow to its server, or to the database and files that this project keeps."""
    STATE.mkdir(parents=True, exist_ok=True)
    if EMBEDDED:
        mlflow.set_tracking_uri(f"sqlite:///{DATABASE}")
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, ARTIFACTS.as_uri() if EMBEDDED else None)
    mlflow.set_experiment(EXPERIMENT)


def git_state() -> tuple[str, bool]:
    """The commit that runs, and whether files differ from it; ("", True) outside a repository."""
    try:
        sha, changed = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "", True
    return sha, bool(changed)


def log_start(folder: Path, config: Mapping[str, Any], data: Mapping[str, Any], sha: str, dirty: bool) -> None:
    """Log the settings, the data and its split, and what the run was made with."""
    log_parameters(config)
    mlflow.log_params(dict(data))
    tensorflow = importlib.metadata.version("tensorflow-cpu")
    mlflow.set_tags({"git": sha, "dirty": dirty, "python": platform.python_version(), "tensorflow": tensorflow})
    for file in (folder / "run.json", folder / "split.csv", folder / "findings.csv", PINS):
        mlflow.log_artifact(str(file))


def log_parameters(config: Mapping[str, Any]) -> None:
    """Log settings, those of a section as section.name."""
    mlflow.log_params(dict(_flat(config)))


def log_epoch(epoch: int, measures: Mapping[str, float]) -> None:
    """Log what was measured after an epoch."""
    mlflow.log_metrics(dict(measures), step=epoch)


def log_scores(scores: Mapping[str, float]) -> None:
    """Log final numbers."""
    mlflow.log_metrics(dict(scores))


def log_model(model: Any, example: Any) -> None:
    """Log the model with its signature, and register it as the candidate."""
    answer = dict(zip(("logits", "class_map"), model.predict(example, verbose=0), strict=True))
    signature = mlflow.models.infer_signature(example, answer)
    logged = mlflow.tensorflow.log_model(
        model,
        name="model",
        signature=signature,
        input_example=example[:1],
        registered_model_name=MODEL,
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in ("tensorflow-cpu", "keras")],
    )
    set_alias("candidate", str(logged.registered_model_version))


def set_alias(alias: str, version: str) -> None:
    """Point an alias of the registered model to one of its versions."""
    mlflow.MlflowClient().set_registered_model_alias(MODEL, alias, version)


def version_of(run_id: str) -> str:
    """The version of the registered model that a run made."""
    (found,) = mlflow.MlflowClient().search_model_versions(f"run_id = '{run_id}'")
    return str(found.version)


def run_with(alias: str) -> str | None:
    """The name of the run whose model has the alias, if any has."""
    connect()
    client = mlflow.MlflowClient()
    try:
        version = client.get_model_version_by_alias(MODEL, alias)
    except mlflow.exceptions.MlflowException:
        return None
    return str(client.get_run(version.run_id).info.run_name)


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
