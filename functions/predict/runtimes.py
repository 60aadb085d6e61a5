"""How a model file is run: a function from one preprocessed photo to its logits and its class map."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float32]
ClassMap = npt.NDArray[np.float32]
Runtime = Callable[[Image], tuple[Logits, ClassMap]]


def litert(file: Path, threads: int) -> Runtime:
    """Run a LiteRT file: an image of shape (size, size, 3) with values 0..255 in, logits of shape (classes,) and their
    class map, of which they are the average over height and width, of shape (h, w, classes) out."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=threads)
    interpreter.allocate_tensors()
    image_index = interpreter.get_input_details()[0]["index"]
    outputs = {len(one["shape"]): one["index"] for one in interpreter.get_output_details()}

    def run(image: Image) -> tuple[Logits, ClassMap]:
        interpreter.set_tensor(image_index, image[np.newaxis])
        interpreter.invoke()
        logits = interpreter.get_tensor(outputs[2])[0]
        if 4 not in outputs:  # in a file that is only there to be measured
            return logits, np.empty((0, 0, len(logits)), np.float32)
        return logits, interpreter.get_tensor(outputs[4])[0]

    return run


def tensorflow(file: Path, threads: int) -> Runtime:
    """Run a Keras file, in the same way."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    model: Any = tf.keras.models.load_model(file, compile=False)

    def run(image: Image) -> tuple[Logits, ClassMap]:
        logits, class_map = model(image[np.newaxis], training=False)
        return logits.numpy()[0], class_map.numpy()[0]

    return run
