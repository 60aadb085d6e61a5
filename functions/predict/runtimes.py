"""How a model file is run: a function from one preprocessed photo to its logits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float32]
Runtime = Callable[[Image], Logits]


def litert(file: Path, threads: int) -> Runtime:
    """Run a LiteRT file: an image of shape (size, size, 3) with values 0..255 in, logits of shape (classes,) out."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=threads)
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


def tensorflow(file: Path, threads: int) -> Runtime:
    """Run a Keras file, in the same way."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    model: Any = tf.keras.models.load_model(file, compile=False)

    def run(image: Image) -> Logits:
        logits: Logits = model(image[np.newaxis], training=False)[0].numpy()[0]
        return logits

    return run
