"""The model: what it says of one preprocessed photo, by LiteRT or by TensorFlow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from functions.predict import runtimes
from functions.predict.runtimes import Image, Runtime
from rottenbot.photos import RankedClass

FOLDER: Final = Path(__file__).parent / "model"
TOP: Final = 3


@dataclass(frozen=True)
class Answer:
    """The three likeliest classes, likeliest first, and whether the photo looks like one of them at all.

    `evidence` says how much each part of the photo, in rows from its top left corner, speaks for the likeliest class:
    shape (h, w), from 0 for nothing to 1 where it is most.
    """

    top: tuple[RankedClass, ...]
    recognised: bool
    evidence: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Classifier:
    """A loaded model. `size` is the side, in pixels, of the square image that it takes.

    A photo is recognised when its largest logit is at least `recognised_from` (Hendrycks et al., "Scaling
    Out-of-Distribution Detection for Real-World Settings", 2022).
    """

    version: str
    size: int
    labels: list[str]
    recognised_from: float
    run: Runtime

    def classify(self, image: Image) -> Answer:
        """What an image of shape (size, size, 3) with values 0..255 shows."""
        logits, class_map = self.run(image)
        row = np.exp(logits.astype(np.float64) - logits.max())
        row /= row.sum()
        best = np.argsort(row)[::-1][:TOP]
        top = tuple(RankedClass(int(index), self.labels[index], float(row[index])) for index in best)
        evidence = np.maximum(class_map[..., best[0]], 0)
        evidence = (evidence / (evidence.max() or 1)).astype(np.float32)
        return Answer(top, bool(logits.max() >= self.recognised_from), evidence)


def load(runtime: str, threads: int) -> Classifier:
    """Load the baked model and run it once, so that the first photo finds everything in place."""
    baked = metadata()
    labels = json.loads((FOLDER / "labels.json").read_text())
    size, recognised_from = baked["preprocessing"]["size"], baked["recognition"]["recognised_from"]
    start, file = {
        "litert": (runtimes.litert, "model.tflite"),
        "tensorflow": (runtimes.tensorflow, "model.keras"),
    }[runtime]
    classifier = Classifier(baked["version"], size, labels, recognised_from, start(FOLDER / file, threads))
    classifier.classify(np.zeros((size, size, 3), dtype=np.float32))
    return classifier


def metadata() -> dict[str, Any]:
    """What is known of the baked model: how it was trained, and how well it does."""
    document: dict[str, Any] = json.loads((FOLDER / "metadata.json").read_text())
    return document
