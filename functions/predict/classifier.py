"""The model: class probabilities for one preprocessed photo, by LiteRT or by TensorFlow."""

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
Probabilities = npt.NDArray[np.float32]
Runtime = Callable[[Image], Probabilities]


@dataclass(frozen=True)
class Classifier:
    """A loaded model. `size` is the side, in pixels, of the square image that it takes."""

    version: str
    size: int
    labels: list[str]
    probabilities: Runtime

    def rank(self, image: Image) -> tuple[RankedClass, ...]:
        """The three likeliest classes of an image of shape (size, size, 3) with values 0..255, likeliest first."""
        row = self.probabilities(image)
        best = np.argsort(row)[::-1][:TOP]
        return tuple(RankedClass(int(index), self.labels[index], float(row[index])) for index in best)


def load(runtime: str, threads: int) -> Classifier:
    """Load the baked model and run it once, so that the first photo finds everything in place."""
    metadata = json.loads((FOLDER / "metadata.json").read_text())
    size = metadata["preprocessing"]["size"]
    start = {"litert": _litert, "tensorflow": _tensorflow}[runtime]
    classifier = Classifier(metadata["version"], size, json.loads((FOLDER / "labels.json").read_text()), start(threads))
    classifier.rank(np.zeros((size, size, 3), dtype=np.float32))
    return classifier


def _litert(threads: int) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(FOLDER / "model.tflite"), num_threads=threads)
    interpreter.allocate_tensors()
    image_index = interpreter.get_input_details()[0]["index"]
    row_index = interpreter.get_output_details()[0]["index"]

    def run(image: Image) -> Probabilities:
        interpreter.set_tensor(image_index, image[np.newaxis])
        interpreter.invoke()
        row: Probabilities = interpreter.get_tensor(row_index)[0]
        return row

    return run


def _tensorflow(threads: int) -> Runtime:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    model: Any = tf.keras.models.load_model(FOLDER / "model.keras", compile=False)

    def run(image: Image) -> Probabilities:
        row: Probabilities = model(image[np.newaxis], training=False).numpy()[0]
        return row

    return run
