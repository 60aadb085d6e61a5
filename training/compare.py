"""Test scores of runs side by side, and over all parts of a cross-validation."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from training import metrics
from training.runs import Run

SCORES = ("accuracy", "macro_f1", "state_accuracy", "rotten_called_healthy")


def table(runs: Sequence[Run]) -> str:
    """A line of scores for each run that was evaluated, and below it the pooled scores of each cross-validation."""
    evaluated = [run for run in runs if run.evaluated]
    return "\n".join([*_lines(evaluated), *_pooled(evaluated)])


def _lines(runs: Sequence[Run]) -> Iterator[str]:
    yield f"{'run':24}" + "".join(f"{name:>23}" for name in SCORES) + f"{'minutes':>9}  split"
    for run in runs:
        report, outcome = run.report, run.outcome
        cells = []
        for name in SCORES:
            low, high = report["test_95"][name]
            score = report["test"][name]
            cells.append(f"{score:.3f} ({low:.3f}-{high:.3f})".rjust(23))
        leaky = " (by file, leaks)" if run.config.data.split == "random" else ""
        yield f"{run.name:24}{''.join(cells)}{outcome.seconds / 60:>9.1f}  {outcome.split_sha256[:8]}{leaky}"


def _pooled(runs: Sequence[Run]) -> Iterator[str]:
    parts: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.config.data.fold is not None:
            data = run.config.data.model_copy(update={"fold": None})
            parts[run.config.model_copy(update={"data": data}).model_dump_json()].append(run)
    for members in parts.values():
        if len({run.config.data.fold for run in members}) == members[0].config.data.folds:
            yield from _cross_validation(members)


def _cross_validation(runs: Sequence[Run]) -> Iterator[str]:
    classes = runs[0].classes
    number = {name: index for index, name in enumerate(classes.names)}
    truth, predicted, groups = [], [], []
    for run in runs:
        grouped = {photo.name: photo.group for photo in run.subsets["test"]}
        with (run.evaluation / "predictions.csv").open(newline="") as lines:
            for row in csv.DictReader(lines):
                truth.append(number[row["class"]])
                predicted.append(number[row["predicted"]])
                groups.append(grouped[row["path"]])
    is_true, is_called = np.array(truth), np.array(predicted)
    yield f"\nCross-validation over {', '.join(run.name for run in runs)}: every photo tested once"
    for name, value in metrics.summary(is_true, is_called, classes).items():
        each = [run.report["test"][name] for run in runs]
        yield f"  {name:24} {value:.4f}  (parts {min(each):.4f} to {max(each):.4f})"
    for one in metrics.per_class(is_true, is_called, np.array(groups), classes):
        yield f"  {one['class']!s:24} F1 {one['f1']:.3f}  {one['f1_95']}  ({one['photos']} photos)"
