"""What a run's model gets right and wrong on its test photos, in numbers, tables and pictures."""

import csv
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training import changes, fit, metrics, network, plots, scope, tracking
from training.dataset import Photo
from training.metrics import Classes, Labels, Rows
from training.photos import Decoded, Images
from training.runs import Run

CONFIDENT: Final = 0.8
SHOWN: Final = 24
TIMED: Final = 100


def evaluate(run: Run, others: Path | None) -> dict[str, Any]:
    """Test the run's model, and write report.json, tables and pictures into the run's folder and to MLflow.

    `others` is a folder of photos that show none of the classes, for the recognition score.
    """
    outcome, classes, members = run.outcome, run.classes, run.subsets["test"]
    model = network.load(run.model)
    images, truth = run.images("test"), run.truth("test")
    logits, maps = fit.answers(model, images)
    rows = metrics.probabilities(logits)
    unscaled = metrics.probabilities(logits * outcome.temperature)
    recognised_from = scope.threshold(fit.answers(model, run.images("val"))[0])
    groups = np.array([photo.group for photo in members])
    predicted = rows.argmax(axis=1)

    per_class = metrics.per_class(truth, predicted, groups, classes)
    bins = metrics.reliability(unscaled, truth), metrics.reliability(rows, truth)
    curve = metrics.rotten_curve(rows, truth, classes)
    scores = {"test photos": metrics.recognition(logits)} | scope.others(model, run.config.model.size, others)
    report: dict[str, Any] = {
        "test": metrics.summary(truth, predicted, classes),
        "test_95": _intervals(truth, predicted, groups, classes),
        "test_photos": len(truth),
        "per_class": per_class,
        "calibration": {
            "temperature": outcome.temperature,
            "expected_error": metrics.calibration_error(rows, truth),
            "expected_error_unscaled": metrics.calibration_error(unscaled, truth),
        },
        "recognition": scope.report(scores, recognised_from),
        "robustness": _changed(model, images, truth, changes.robustness()),
        "shortcuts": _changed(model, images, truth, changes.shortcuts()),
        "rotten_curve": curve,
        "keras_milliseconds_per_photo": _milliseconds(model, images),
    }
    run.write("evaluation/report.json", report)
    folder = run.evaluation
    if history := run.history:
        plots.curves(history, folder / "curves.png")
    plots.confusion(metrics.confusion(truth, predicted, len(classes.names)), classes.names, folder / "confusion.png")
    plots.f1_scores(per_class, folder / "f1.png")
    plots.reliability(*bins, folder / "reliability.png")
    plots.rotten_curve(curve, folder / "rotten_curve.png")
    plots.scores(scores, recognised_from, folder / "recognition.png")
    _tables(folder, members, truth, rows, metrics.recognition(logits), classes)
    _sheet(folder / "confidently_wrong.png", _confidently_wrong(rows, truth), members, images, maps, rows, classes)
    with tracking.run(run.name, outcome.mlflow_run):
        mlflow.log_metrics({f"test_{name}": value for name, value in report["test"].items()})
        mlflow.log_metric("test_expected_calibration_error", report["calibration"]["expected_error"])
        mlflow.log_artifacts(str(folder), "evaluation")
    return report


def _intervals(
    truth: Labels, predicted: Labels, groups: npt.NDArray[np.str_], classes: Classes
) -> dict[str, list[float]]:
    def measured(chosen: Labels) -> npt.NDArray[np.float64]:
        return np.array(list(metrics.summary(truth[chosen], predicted[chosen], classes).values()))

    names = metrics.summary(truth, predicted, classes)
    return {
        name: [float(low), float(high)]
        for name, low, high in zip(names, *metrics.interval(groups, measured), strict=True)
    }


def _changed(
    model: Any, images: Decoded, truth: Labels, ways: dict[str, Callable[[Images], Images]]
) -> dict[str, dict[str, float]]:
    """Accuracy on changed photos, over all of them and over those that the change alters, before and after."""
    plain = images[:]
    right = fit.answers(model, plain)[0].argmax(axis=1) == truth
    found = {}
    for name, change in tqdm(ways.items(), "changed photos", unit="change"):
        other = change(plain)
        altered = (other[..., :3] != plain[..., :3]).mean(axis=(1, 2, 3)) > 0.01
        still = fit.answers(model, other)[0].argmax(axis=1) == truth
        found[name] = {
            "accuracy": float(still.mean()),
            "altered_photos": int(altered.sum()),
            "accuracy_of_altered_before": float(right[altered].mean()) if altered.any() else 1.0,
            "accuracy_of_altered": float(still[altered].mean()) if altered.any() else 1.0,
        }
    return found


def _milliseconds(model: Any, images: Decoded) -> float:
    """The median time that Keras takes for one photo by itself."""
    times = []
    for photo in images[:TIMED]:
        start = time.perf_counter()
        model(photo[np.newaxis, ..., :3].astype(np.float32), training=False)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1000)


def _confidently_wrong(rows: Rows, truth: Labels) -> Labels:
    wrong = np.flatnonzero((rows.argmax(axis=1) != truth) & (rows.max(axis=1) >= CONFIDENT))
    return wrong[np.argsort(-rows[wrong].max(axis=1))]


def _tables(
    folder: Path,
    members: Sequence[Photo],
    truth: Labels,
    rows: Rows,
    scores: npt.NDArray[np.float64],
    classes: Classes,
) -> None:
    predicted = rows.argmax(axis=1)
    lines = [
        {
            "path": photo.name,
            "class": photo.label,
            "predicted": classes.names[answer],
            "confidence": round(float(row[answer]), 4),
            "probability_of_class": round(float(row[true]), 4),
            "recognition_score": round(float(score), 3),
            "licensed": int(photo.licensed),
        }
        for photo, answer, true, row, score in zip(members, predicted, truth, rows, scores, strict=True)
    ]
    wrong = [line for line in lines if line["class"] != line["predicted"]]
    wrong.sort(key=lambda line: -float(line["confidence"]))
    for name, chosen in (
        ("predictions", lines),
        ("wrong_predictions", wrong),
        ("confidently_wrong", [line for line in wrong if float(line["confidence"]) >= CONFIDENT]),
    ):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(chosen)


def _sheet(
    file: Path, chosen: Labels, members: Sequence[Photo], images: Decoded, maps: Any, rows: Rows, classes: Classes
) -> None:
    chosen = chosen[:SHOWN]
    answers = rows[chosen].argmax(axis=1)
    titles = [
        f"{members[index].name}\ncalled {classes.names[answer]} {rows[index, answer]:.0%}"
        for index, answer in zip(chosen, answers, strict=True)
    ]
    plots.contact_sheet(images[chosen], maps[chosen, :, :, answers], titles, file)
