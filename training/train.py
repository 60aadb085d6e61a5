"""A run: data checked and split, a network trained, its confidence calibrated, everything logged."""

import datetime
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from training import dataset, fit, metrics, network, tracking
from training.runs import Outcome, Run


def split(run: Run) -> dict[str, str]:
    """Check the run's data and write down split.csv and findings.csv; returns the hashes of data and split."""
    data = dataset.read(run.data)
    for finding in data.findings[:10]:
        print(f"  {finding.sentence}")
    if data.findings:
        print(f"  {len(data.findings)} findings; all are in {run.folder / 'findings.csv'}")
    dataset.write_findings(data.findings, run.folder / "findings.csv")
    subsets = dataset.split(data.photos, run.config.data)
    sha256 = dataset.write_split(subsets, run.split)
    leaky = run.config.data.split == "random"
    counts = ", ".join(f"{len(photos)} {name}" for name, photos in subsets.items())
    print(f"{len(data.photos)} photos of {len(data.labels)} classes: {counts}; split {sha256[:12]}")
    if leaky:
        print(
            "  The split is by file. It leaks: pictures of one photo stand on both sides, and scores come out too high."
        )
    return {"dataset_sha256": data.sha256, "split_sha256": sha256, "split_leaks": str(leaky)}


def train(run: Run) -> None:
    """Train the run's model, or finish it after an interruption, and register it as the candidate."""

    def tell(epoch: int, measures: dict[str, float]) -> None:
        run.add_epoch(epoch, measures)
        tracking.log_epoch(epoch, measures)

    def fitted() -> Any:
        return fit.fit(run.config, run.labelled("train"), run.labelled("val"), run.classes, run.folder, tell)

    record(run, fitted, sum(epoch["seconds"] for epoch in run.history))


def record(run: Run, make: Callable[[], Any], earlier_seconds: float = 0) -> None:
    """Make the run's network, calibrate it on the val photos, keep it, and register it as the candidate.

    `earlier_seconds` were spent before: on what it is made of, or on epochs before an interruption.
    """
    if run.ended:
        print(f"The run {run.name} has ended before; nothing is left to do.")
        return
    started = time.monotonic()
    hashes = split(run)
    sha, dirty = tracking.git_state()
    with tracking.run(run.name, run.mlflow_run) as mlflow_run:
        run.remember(mlflow_run)
        tracking.log_start(run.folder, run.config.model_dump(mode="json"), hashes, sha, dirty)
        model = make()
        images, truth = run.labelled("val")
        logits = fit.answers(model, images)
        calibration = metrics.calibrate(logits, truth, run.classes)
        served = network.served(model, run.config.model, run.classes, calibration)
        served.save(run.model)
        answers = calibration.apply(logits, run.classes).argmax(axis=1)
        scores = metrics.summary(truth, answers, run.classes)
        tracking.log_scores({f"val_{name}": value for name, value in scores.items()})
        tracking.log_model(served, images[:2][..., :3].astype(np.float32))
    run.end(
        Outcome(
            mlflow_run=mlflow_run,
            git_sha=sha,
            git_dirty=dirty,
            dataset_sha256=hashes["dataset_sha256"],
            split_sha256=hashes["split_sha256"],
            trained_on=datetime.datetime.now(datetime.UTC).date().isoformat(),
            seconds=round(earlier_seconds + time.monotonic() - started, 1),
            **asdict(calibration),
        )
    )
    print("val: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
