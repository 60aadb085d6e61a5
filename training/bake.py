"""From a run to what functions/predict/model/ holds: the files that serve, and what there is to know about them."""

import csv
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from training import card, dataset, evaluate, fit, metrics, network
from training.problems import TrainingError
from training.runs import Run

HISTOGRAM: Final = 10
PERCENTILES: Final = (5, 25, 50, 75, 95)
PICTURED: Final = 8


def bake(run: Run, folder: Path) -> str:
    """Write model.tflite, model.keras, labels.json, metadata.json and MODEL_CARD.md. Returns the model's version."""
    if not set(evaluate.CHANGES) <= set(run.report):
        raise TrainingError(f"The run {run.name} was only tested quickly: `python -m training evaluate` it in full.")
    folder.mkdir(parents=True, exist_ok=True)
    exports = run.exports
    shutil.copyfile(run.export / f"{exports['chosen']}.tflite", folder / "model.tflite")
    shutil.copyfile(run.model, folder / "model.keras")
    digest = hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest()
    version = f"{run.outcome.trained_on.replace('-', '.')}-{digest[:8]}"
    metadata = {"version": version, "sha256": digest} | _metadata(run)
    _write(folder / "labels.json", list(run.classes.names))
    _write(folder / "metadata.json", metadata)
    pictured = _picture_failures(run, folder / "failures.jpg")
    (folder / "MODEL_CARD.md").write_text(card.render(metadata, _sources(run.data), pictured))
    return version


def _metadata(run: Run) -> dict[str, Any]:
    outcome, config, report = run.outcome, run.config, run.report
    return {
        "trained_on": outcome.trained_on,
        "training_seconds": outcome.seconds,
        "run": {"name": run.name, "mlflow": outcome.mlflow_run, "git": outcome.git_sha, "dirty": outcome.git_dirty},
        "config": config.model_dump(mode="json"),
        "preprocessing": {
            "size": config.model.size,
            "range": [0, 255],
            "resize": "bilinear, area-aware, to a square",
        },
        "dataset_sha256": outcome.dataset_sha256,
        "split": {
            "by": config.data.split,
            "seed": config.data.split_seed,
            "sha256": outcome.split_sha256,
        }
        | {subset: len(members) for subset, members in run.subsets.items()},
        **{key: value for key, value in report.items() if key != "rotten_curve"},
        "members": [{"seed": one.config.seed, **one.report["test"]} for one in run.members],
        "export": run.exports,
        "drift_baseline": _drift_baseline(run),
    }


def _drift_baseline(run: Run) -> dict[str, Any]:
    """What answers and photos look like on the test photos, to hold those of later days against."""
    images = run.images("test")[:]
    rows = metrics.probabilities(fit.answers(network.load(run.model), images)[0])
    named = Counter(run.classes.names[answer] for answer in rows.argmax(axis=1))
    counts, _ = np.histogram(rows.max(axis=1), HISTOGRAM, (0, 1))
    grey = images[..., :3].mean(axis=3)
    return {
        "class_shares": {name: round(named[name] / len(rows), 4) for name in run.classes.names},
        "confidence_histogram": (counts / len(rows)).round(4).tolist(),
        "brightness_percentiles": _percentiles(grey.mean(axis=(1, 2))),
        "sharpness_percentiles": _percentiles(np.array([ndimage.laplace(one).var() for one in grey])),
    }


def _percentiles(values: npt.NDArray[np.float64]) -> dict[str, float]:
    return {str(one): round(float(np.percentile(values, one)), 2) for one in PERCENTILES}


def _picture_failures(run: Run, file: Path) -> list[dict[str, str]]:
    """A strip of wrongly named photos that may be shown, and what each is; only photos with a licence are."""
    with (run.evaluation / "wrong_predictions.csv").open(newline="") as lines:
        shown = [row for row in csv.DictReader(lines) if row["licensed"] == "1"][:PICTURED]
    origins = {row["path"]: row for row in dataset.manifest(run.data) or []}
    names = [photo.name for photo in run.subsets["test"]]
    images = run.images("test")[[names.index(row["path"]) for row in shown]][..., :3]
    file.unlink(missing_ok=True)
    if shown:
        Image.fromarray(np.concatenate(images, axis=1)).save(file, quality=80)
    return [origins[row["path"]] | row for row in shown]


def _sources(data: Path) -> list[tuple[str, str, int]]:
    """Repository, licence and number of photos of each source that the data's manifest names."""
    counted = Counter((row.get("source_repo", ""), row.get("licence", "")) for row in dataset.manifest(data) or [])
    return [(repository, licence, count) for (repository, licence), count in counted.most_common()]


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
