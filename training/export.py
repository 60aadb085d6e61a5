"""The trained model as the files that the predict function serves."""

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter
from tqdm import tqdm

Images = npt.NDArray[np.float32]
MAX_DIFFERENCE: Final = 0.02


class ExportError(RuntimeError):
    """The converted model does not answer as the trained one does."""


def write(model: Any, folder: Path) -> None:
    """Write `model.keras` and, converted from it, `model.tflite` (float32)."""
    import tensorflow as tf

    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.keras")
    converted = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (folder / "model.tflite").write_bytes(converted)


def litert_probabilities(model: Path, images: Images) -> npt.NDArray[np.float32]:
    """Class probabilities of each image by LiteRT, shape (images, classes)."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    read, written = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    rows = []
    for image in tqdm(images, desc="LiteRT on the test photos", unit="photo"):
        interpreter.set_tensor(read, image[np.newaxis])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(written)[0])
    return np.stack(rows)


def check_agreement(keras_rows: npt.NDArray[np.float32], litert_rows: npt.NDArray[np.float32]) -> dict[str, float]:
    """How far the two runtimes differ; raises ExportError past 0.02 in a probability or on any other class."""
    same = float(np.mean(keras_rows.argmax(axis=1) == litert_rows.argmax(axis=1)))
    difference = float(np.abs(keras_rows - litert_rows).max())
    if same < 1 or difference > MAX_DIFFERENCE:
        raise ExportError(f"LiteRT gives the same class for {same:.2%} and differs by up to {difference:.4f}.")
    return {"same_class": same, "largest_difference": difference}


def write_metadata(folder: Path, labels: list[str], metadata: dict[str, Any]) -> str:
    """Write `labels.json` and `metadata.json`. Returns the version, which is named after the model's own bytes."""
    digest = hashlib.sha256((folder / "model.tflite").read_bytes()).hexdigest()
    version = f"{metadata['trained_on'].replace('-', '.')}-{digest[:8]}"
    _write_json(folder / "labels.json", labels)
    _write_json(folder / "metadata.json", {"version": version, "sha256": digest, **metadata})
    return version


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
