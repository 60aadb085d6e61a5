"""The trained model as LiteRT files of several precisions, each measured on this machine, and the choice among them."""

import contextlib
import io
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import keras
import mlflow
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from functions.predict.runtimes import Runtime, litert
from training import fit, metrics, network, tracking
from training.metrics import Labels, Rows
from training.photos import Decoded
from training.runs import Run

PRECISIONS: Final = ("float32", "float16", "dynamic", "int8")
REPRESENTATIVE: Final = 200
TIMED: Final = 150
MAX_DIFFERENCE: Final = 0.02
MIN_SAME_CLASS: Final = 0.995
MAX_LOSS: Final = 0.005
NEARLY_AS_FAST: Final = 1.1


class ExportError(RuntimeError):
    """The converted model does not answer as the trained one does."""


@dataclass(frozen=True)
class Export:
    """One file and what was measured of it. Times are medians for one photo, of the model alone."""

    precision: str
    megabytes: float
    val_accuracy: float
    test_accuracy: float
    test_macro_f1: float
    calibration_error: float
    same_class_as_keras: float
    largest_difference: float
    milliseconds_1_thread: float
    milliseconds_2_threads: float


def export(run: Run) -> dict[str, Any]:
    """Write and measure every precision, choose one, and write exports.json into the run's folder.

    Raises ExportError when the float32 file differs from Keras by more than 0.02 in a probability or in over 0.5 % of
    the classes.
    """
    model = network.load(run.model)
    run.export.mkdir(exist_ok=True)
    examples = _representative(run)
    keras_logits = {subset: fit.answers(model, run.images(subset))[0] for subset in ("val", "test")}
    found = []
    with _saved(model) as saved:
        for precision in tqdm(PRECISIONS, "exporting", unit="model"):
            file = run.export / f"{precision}.tflite"
            file.write_bytes(convert(saved, precision, examples))
            found.append(_measure(run, file, keras_logits))
    _check(found[0])
    chosen, reason = choose(found)
    exports = {
        "files": [asdict(one) for one in found],
        "chosen": chosen.precision,
        "reason": reason,
        "class_map_milliseconds": _cost_of_map(run, model, chosen, examples),
    }
    run.write("export/exports.json", exports)
    with tracking.run(run.name, run.outcome.mlflow_run):
        mlflow.log_artifacts(str(run.export), "export")
    return exports


def convert(saved: Path, precision: str, examples: npt.NDArray[np.float32]) -> bytes:
    """A LiteRT model from a SavedModel; input and output stay float32.

    `examples` are training photos that int8 takes its ranges from.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.representative_dataset = lambda: ([example[np.newaxis]] for example in examples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
    with contextlib.redirect_stdout(io.StringIO()):  # it lists the signature of every output
        return bytes(converter.convert())


def choose(found: list[Export]) -> tuple[Export, str]:
    """The smallest of the fastest files that answer as Keras does and lose at most half a point on the val photos."""
    best = max(one.val_accuracy for one in found)
    true = [
        one for one in found if one.same_class_as_keras >= MIN_SAME_CLASS and one.val_accuracy >= best - MAX_LOSS
    ] or found[:1]
    fastest = min(one.milliseconds_1_thread for one in true)
    chosen = min(
        (one for one in true if one.milliseconds_1_thread <= fastest * NEARLY_AS_FAST), key=lambda one: one.megabytes
    )
    left_out = ", ".join(one.precision for one in found if one not in true)
    return chosen, (
        f"Of the precisions that name the same class as Keras for at least {MIN_SAME_CLASS:.1%} of the test photos "
        f"and lose at most {MAX_LOSS:.1%} of accuracy on the val photos, {chosen.precision} is the smallest of those "
        f"within {NEARLY_AS_FAST - 1:.0%} of the fastest on one core." + (f" Not so: {left_out}." if left_out else "")
    )


@contextlib.contextmanager
def _saved(model: Any) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        yield Path(folder)


def _measure(run: Run, file: Path, keras_logits: dict[str, Rows]) -> Export:
    model = litert(file, threads=1)
    logits = {
        subset: np.stack([model(photo)[0] for photo in _photos(run.images(subset))]) for subset in ("val", "test")
    }
    truth: dict[str, Labels] = {"val": run.truth("val"), "test": run.truth("test")}
    rows, keras_rows = metrics.probabilities(logits["test"]), metrics.probabilities(keras_logits["test"])
    scores = metrics.summary(truth["test"], rows.argmax(axis=1), run.classes)
    return Export(
        precision=file.stem,
        megabytes=round(file.stat().st_size / 1e6, 2),
        val_accuracy=float(np.mean(logits["val"].argmax(axis=1) == truth["val"])),
        test_accuracy=scores["accuracy"],
        test_macro_f1=scores["macro_f1"],
        calibration_error=metrics.calibration_error(rows, truth["test"]),
        same_class_as_keras=float(np.mean(rows.argmax(axis=1) == keras_rows.argmax(axis=1))),
        largest_difference=float(np.abs(rows - keras_rows).max()),
        milliseconds_1_thread=_milliseconds(model, run.images("test")),
        milliseconds_2_threads=_milliseconds(litert(file, threads=2), run.images("test")),
    )


def _check(plain: Export) -> None:
    if plain.same_class_as_keras < MIN_SAME_CLASS or plain.largest_difference > MAX_DIFFERENCE:
        raise ExportError(
            f"LiteRT names the same class as Keras for {plain.same_class_as_keras:.2%} of the test photos and differs "
            f"by up to {plain.largest_difference:.4f} in a probability."
        )


def _cost_of_map(run: Run, model: Any, chosen: Export, examples: npt.NDArray[np.float32]) -> dict[str, float]:
    """The time for one photo with and without the class map among the outputs."""
    without = run.export / f"{chosen.precision}-without-map.tflite"
    alone = keras.Model(model.input, [model.output[0]])
    with _saved(alone) as saved:
        without.write_bytes(convert(saved, chosen.precision, examples))
    images = run.images("test")
    measured = {
        "with": _milliseconds(litert(run.export / f"{chosen.precision}.tflite", threads=1), images),
        "without": _milliseconds(litert(without, threads=1), images),
    }
    without.unlink()
    return measured


def _milliseconds(model: Runtime, images: Decoded) -> float:
    times = []
    for photo in _photos(images, TIMED):
        start = time.perf_counter()
        model(photo)
        times.append(time.perf_counter() - start)
    return round(float(np.median(times)) * 1000, 2)


def _photos(images: Decoded, most: int | None = None) -> Iterator[npt.NDArray[np.float32]]:
    for index in range(len(images))[:most]:
        yield images[index][..., :3].astype(np.float32)


def _representative(run: Run) -> npt.NDArray[np.float32]:
    images = run.images("train")
    chosen = np.linspace(0, len(images) - 1, min(REPRESENTATIVE, len(images))).astype(int)
    return images[chosen][..., :3].astype(np.float32)
