"""The model: what it says of one preprocessed photo, by LiteRT or by TensorFlow."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from rottenbot.photos import RankedClass

FOLDER: Final = Path(__file__).parent / "model"
TOP: Final = 3
Image = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float32]
Runtime = Callable[[Image], Logits]


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
    start = {"litert": _litert, "tensorflow": _tensorflow}[runtime]
    classifier = Classifier(metadata["version"], size, labels, recognised_from, start(threads))
    classifier.classify(np.zeros((size, size, 3), dtype=np.float32))
    return classifier


def _litert(threads: int) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(FOLDER / "model.tflite"), num_threads=threads)
    interpreter.allocate_tensors()
    image_index = interpreter.get_input_details()[0]["index"]
    # The other output is the class map, of four dimensions.
    logits_index = next(one["index"] for one in interpreter.get_output_details() if len(one["shape"]) == 2)

    def run(image: Image) -> Logits:
        interpreter.set_tensor(image_index, image[np.newaxis])
        interpreter.invoke()
        logits: Logits = interpreter.get_tensor(logits_index)[0]
        return logits

    return run


def _tensorflow(threads: int) -> Runtime:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    model: Any = tf.keras.models.load_model(FOLDER / "model.keras", compile=False)

    def run(image: Image) -> Logits:
        logits: Logits = model(image[np.newaxis], training=False)[0].numpy()[0]
        return logits

    return run
