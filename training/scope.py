"""Photos that show none of the classes: how well the recognition score tells them from those that do."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from functions.predict.images import UnreadableImageError, to_array
from training import fit, metrics
from training.dataset import PHOTO_SUFFIXES
from training.metrics import Numbers
from training.problems import TrainingError

# The share of known produce that may be called not recognised: the threshold is set on val with it.
REFUSED: Final = 0.03


def threshold(val_logits: metrics.Rows) -> float:
    """The recognition score that all but 3 % of the val photos reach."""
    return float(np.quantile(metrics.recognition(val_logits), REFUSED))


def others(model: Any, size: int, folder: Path | None) -> dict[str, Numbers]:
    """Recognition scores of the photos in each subfolder of `folder`, by its name; of none without a folder."""
    if folder is None:
        return {}
    sets = {
        place.name: metrics.recognition(fit.answers(model, images)[0])
        for place in sorted(folder.iterdir())
        if place.is_dir() and len(images := _read(place, size))
    }
    if not sets:
        raise TrainingError(f"{folder} has no folder of photos in it.")
    return sets


def report(scores: dict[str, Numbers], recognised_from: float) -> dict[str, Any]:
    """For each set of photos, how many are recognised, and how well the score parts it from the first set."""
    known, *_ = scores.values()
    return {
        "score": "largest calibrated logit",
        "recognised_from": recognised_from,
        "sets": {
            name: {
                "photos": len(values),
                "recognised": float(np.mean(values >= recognised_from)),
                "auroc": metrics.auroc(known, values),
            }
            for name, values in scores.items()
        },
    }


def _read(folder: Path, size: int) -> npt.NDArray[np.uint8]:
    images = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PHOTO_SUFFIXES:
            try:
                images.append(to_array(path.read_bytes(), size).astype(np.uint8))
            except UnreadableImageError:
                continue  # what packages ship holds icons and broken files too
    return np.array(images)
