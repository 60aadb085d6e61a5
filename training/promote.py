"""Whether a new model may take the place of the one that serves: only if it is not worse on the same test photos."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from training import fit, metrics, network, tracking
from training.metrics import Labels
from training.problems import TrainingError
from training.runs import ROOT, Run

BAKED: Final = ROOT / "functions" / "predict" / "model"


@dataclass(frozen=True)
class Champion:
    """The model that serves now, and on what it was tested."""

    name: str
    file: Path
    labels: tuple[str, ...]
    size: int
    split_sha256: str


@dataclass(frozen=True)
class Difference:
    """How much better the candidate is, in accuracy, with the 95 % interval over resampled groups of photos."""

    mean: float
    low: float
    high: float


def promote(run: Run) -> str:
    """Make the run's model the champion. Returns what was compared, in a sentence.

    Raises TrainingError when the candidate is worse than the champion.
    """
    champion = current_champion()
    told = "There was no champion to compare with."
    if champion and champion.labels == run.classes.names:
        difference = compare(run, champion)
        told = (
            f"On {len(run.subsets['test'])} test photos {run.name} is {100 * difference.mean:+.2f} points of accuracy "
            f"from {champion.name} (95 % interval {100 * difference.low:+.2f} to {100 * difference.high:+.2f})."
        )
        if difference.mean < 0:
            raise TrainingError(f"{told} The champion stays.")
    elif champion:
        told = f"{champion.name} knows other classes, so that there was nothing to compare."
    tracking.connect()
    tracking.set_alias("champion", tracking.version_of(run.outcome.mlflow_run))
    return told


def current_champion() -> Champion | None:
    """The run with the alias `champion`, else the model in functions/predict/model, if there is one."""
    name = tracking.run_with("champion")
    if name and (run := Run(name)).model.is_file():
        return Champion(name, run.model, run.classes.names, run.config.model.size, run.outcome.split_sha256)
    metadata = BAKED / "metadata.json"
    if not metadata.is_file():
        return None
    told = json.loads(metadata.read_text())
    labels = tuple(json.loads((BAKED / "labels.json").read_text()))
    size = told["preprocessing"]["size"]
    return Champion(told["version"], BAKED / "model.keras", labels, size, told["split"]["sha256"])


def compare(run: Run, champion: Champion) -> Difference:
    """Test both models on the test photos of the run, which the champion must not have been trained on."""
    if champion.split_sha256 != run.outcome.split_sha256:
        raise TrainingError(
            f"{champion.name} was trained with another split, so that it may have seen the test photos of {run.name}."
        )
    candidate_right = _right(run, run.model, run.config.model.size)
    champion_right = _right(run, champion.file, champion.size)
    groups = np.array([photo.group for photo in run.subsets["test"]])

    def better(chosen: Labels) -> npt.NDArray[np.float64]:
        return np.array(candidate_right[chosen].mean() - champion_right[chosen].mean())

    low, high = metrics.interval(groups, better)
    return Difference(float(better(np.arange(len(groups)))), float(low), float(high))


def _right(run: Run, model: Path, size: int) -> npt.NDArray[np.float64]:
    logits = fit.answers(network.load(model), run.images("test", size))[0]
    right: npt.NDArray[np.float64] = (logits.argmax(axis=1) == run.truth("test")).astype(float)
    return right
