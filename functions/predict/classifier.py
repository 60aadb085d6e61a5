"""The model: what it says of one preprocessed photo, by LiteRT or by TensorFlow."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from functions.predict import runtimes
from functions.predict.runtimes import Image, Runtime
from rottenbot.photos import RankedClass

FOLDER: Final = Path(__file__).parent / "model"
TOP: Final = 3


@dataclass(frozen=True)
class Answer:
    """The three likeliest classes, likeliest first, and whether the photo looks like one of them at all."""

    top: tuple[RankedClass, ...]
    recognised: bool


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
    logits: Runtime

    def classify(self, image: Image) -> Answer:
        """What an image of shape (size, size, 3) with values 0..255 shows."""
        logits = self.logits(image).astype(np.float64)
        row = np.exp(logits - logits.max())
        row /= row.sum()
        best = np.argsort(row)[::-1][:TOP]
        top = tuple(RankedClass(int(index), self.labels[index], float(row[index])) for index in best)
        return Answer(top, recognised=bool(logits.max() >= self.recognised_from))


def load(runtime: str, threads: int) -> Classifier:
    """Load the baked model and run it once, so that the first photo finds everything in place."""
    metadata = json.loads((FOLDER / "metadata.json").read_text())
    labels = json.loads((FOLDER / "labels.json").read_text())
    size, recognised_from = metadata["preprocessing"]["size"], metadata["recognition"]["recognised_from"]
    start, file = {
        "litert": (runtimes.litert, "model.tflite"),
        "tensorflow": (runtimes.tensorflow, "model.keras"),
    }[runtime]
    classifier = Classifier(metadata["version"], size, labels, recognised_from, start(FOLDER / file, threads))
    classifier.classify(np.zeros((size, size, 3), dtype=np.float32))
    return classifier
