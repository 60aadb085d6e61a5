"""What a run's model gets right and wrong on its test photos, in numbers, tables and pictures."""

import csv
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import mlflow
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from training import changes, fit, metrics, network, plots, scope, tracking
from training.changes import Images
from training.dataset import Photo
from training.metrics import Classes, Labels, Rows
from training.photos import Decoded
from training.runs import Run

CONFIDENT: Final = 0.8
SHOWN: Final = 24
TIMED: Final = 100
CHANGES: Final = {"robustness": changes.robustness(), "shortcuts": changes.shortcuts()}


@dataclass(frozen=True)
class _Tested:
    """The test photos of a run and what its model says of them: a row for each."""

    run: Run
    model: Any
    classes: Classes
    photos: Sequence[Photo]
    images: Decoded
    truth: Labels
    logits: Rows
    maps: Rows

    @property
    def rows(self) -> Rows:
        """Probabilities."""
        return metrics.probabilities(self.logits)

    @property
    def unscaled(self) -> Rows:
        """Probabilities as they were before the temperature."""
        return metrics.probabilities(self.logits * self.run.outcome.temperature)

    @property
    def predicted(self) -> Labels:
        named: Labels = self.logits.argmax(axis=1)
        return named

    @property
    def groups(self) -> npt.NDArray[np.str_]:
        return np.array([photo.group for photo in self.photos])


def evaluate(run: Run, others: Path | None, quick: bool) -> dict[str, Any]:
    """Test the run's model, and write report.json, tables and pictures into the run's folder and to MLflow.

    `others` is a folder of folders of photos that show none of the classes, for the recognition score. A `quick` test
    leaves out the changed photos, which take most of the time.
    """
    model = network.load(run.model)
    images = run.images("test")
    logits, maps = fit.answers(model, images)
    tested = _Tested(run, model, run.classes, run.subsets["test"], images, run.truth("test"), logits, maps)
    threshold = scope.threshold(fit.answers(model, run.images("val"))[0])
    scores = {"test photos": metrics.recognition(logits)} | scope.others(model, run.config.model.size, others)
    report = _report(tested) | {"recognition": scope.report(scores, threshold)}
    if not quick:
        report |= {name: _changed(tested, ways) for name, ways in CHANGES.items()}
    run.write("evaluation/report.json", report)
    _pictures(tested, report)
    plots.scores(scores, threshold, run.evaluation / "recognition.png")
    _tables(tested)
    with tracking.run(run.name, run.outcome.mlflow_run):
        mlflow.log_metrics({f"test_{name}": value for name, value in report["test"].items()})
        mlflow.log_metric("test_expected_calibration_error", report["calibration"]["expected_error"])
        mlflow.log_artifacts(str(run.evaluation), "evaluation")
    return report


def _report(tested: _Tested) -> dict[str, Any]:
    truth, predicted, classes = tested.truth, tested.predicted, tested.classes
    return {
        "test": metrics.summary(truth, predicted, classes),
        "test_95": _intervals(tested),
        "test_photos": len(truth),
        "per_class": metrics.per_class(truth, predicted, tested.groups, classes),
        "calibration": {
            **asdict(tested.run.outcome.calibration),
            "expected_error": metrics.calibration_error(tested.rows, truth),
            "expected_error_unscaled": metrics.calibration_error(tested.unscaled, truth),
        },
        "rotten_curve": metrics.rotten_curve(tested.rows, truth, classes),
        "keras_milliseconds_per_photo": _milliseconds(tested),
    }


def _pictures(tested: _Tested, report: dict[str, Any]) -> None:
    folder, names = tested.run.evaluation, tested.classes.names
    if history := tested.run.history:
        plots.curves(history, folder / "curves.png")
    plots.confusion(metrics.confusion(tested.truth, tested.predicted, len(names)), names, folder / "confusion.png")
    plots.f1_scores(report["per_class"], folder / "f1.png")
    before, after = (metrics.reliability(rows, tested.truth) for rows in (tested.unscaled, tested.rows))
    plots.reliability(before, after, folder / "reliability.png")
    plots.rotten_curve(report["rotten_curve"], folder / "rotten_curve.png")
    _sheet(tested, folder / "confidently_wrong.png")


def _intervals(tested: _Tested) -> dict[str, list[float]]:
    def measured(chosen: Labels) -> npt.NDArray[np.float64]:
        scores = metrics.summary(tested.truth[chosen], tested.predicted[chosen], tested.classes)
        return np.array(list(scores.values()))

    names = metrics.summary(tested.truth, tested.predicted, tested.classes)
    bounds = zip(*metrics.interval(tested.groups, measured), strict=True)
    return {name: [float(low), float(high)] for name, (low, high) in zip(names, bounds, strict=True)}


def _changed(tested: _Tested, ways: dict[str, Callable[[Images], Images]]) -> dict[str, dict[str, float]]:
    """Accuracy on changed photos, over all of them and over those that the change alters, before and after."""
    plain = tested.images[:]
    right = tested.predicted == tested.truth
    found = {}
    for name, change in tqdm(ways.items(), "changed photos", unit="change"):
        other = change(plain)
        altered = (other[..., :3] != plain[..., :3]).mean(axis=(1, 2, 3)) > 0.01
        still = fit.answers(tested.model, other)[0].argmax(axis=1) == tested.truth
        found[name] = {
            "accuracy": float(still.mean()),
            "altered_photos": int(altered.sum()),
            "accuracy_of_altered_before": float(right[altered].mean()) if altered.any() else 1.0,
            "accuracy_of_altered": float(still[altered].mean()) if altered.any() else 1.0,
        }
    return found


def _milliseconds(tested: _Tested) -> float:
    """The median time that Keras takes for one photo by itself."""
    times = []
    for photo in tested.images[:TIMED]:
        start = time.perf_counter()
        tested.model(photo[np.newaxis, ..., :3].astype(np.float32), training=False)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1000)


def _tables(tested: _Tested) -> None:
    names, rows = tested.classes.names, tested.rows
    lines = [
        {
            "path": photo.name,
            "class": photo.label,
            "predicted": names[answer],
            "confidence": round(float(row[answer]), 4),
            "probability_of_class": round(float(row[true]), 4),
            "recognition_score": round(float(score), 3),
            "licensed": int(photo.licensed),
        }
        for photo, answer, true, row, score in zip(
            tested.photos, tested.predicted, tested.truth, rows, metrics.recognition(tested.logits), strict=True
        )
    ]
    wrong = [line for line in lines if line["class"] != line["predicted"]]
    wrong.sort(key=lambda line: -float(line["confidence"]))
    confidently = [line for line in wrong if float(line["confidence"]) >= CONFIDENT]
    for name, chosen in (("predictions", lines), ("wrong_predictions", wrong), ("confidently_wrong", confidently)):
        with (tested.run.evaluation / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(chosen)


def _sheet(tested: _Tested, file: Path) -> None:
    confidence = tested.rows.max(axis=1)
    wrong = np.flatnonzero((tested.predicted != tested.truth) & (confidence >= CONFIDENT))
    chosen = wrong[np.argsort(-confidence[wrong])][:SHOWN]
    answers = tested.predicted[chosen]
    titles = [
        f"{tested.photos[index].name}\ncalled {tested.classes.names[answer]} {confidence[index]:.0%}"
        for index, answer in zip(chosen, answers, strict=True)
    ]
    plots.contact_sheet(tested.images[chosen], tested.maps[chosen, :, :, answers], titles, file)
