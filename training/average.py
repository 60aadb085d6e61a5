"""One model from runs that differ only in the seed: the mean of their weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from training import network, train
from training.problems import TrainingError
from training.runs import Run


def average(members: Sequence[Run], run: Run) -> None:
    """Make the mean of the members' weights the model of `run`, calibrate it anew and register it as the candidate.

    "Model soups", Wortsman et al., 2022: networks that were fine-tuned from the same weights lie in one valley of the
    loss, and their mean is often better than each of them, and as fast. Raises TrainingError for runs that differ in
    more than the seed.
    """
    first = members[0]
    for other in members[1:]:
        if other.settings | {"seed": 0} != first.settings | {"seed": 0} or other.data != first.data:
            raise TrainingError(f"{first.name} and {other.name} differ in more than the seed.")
    run.begin(first.config, first.data, [member.name for member in members])
    train.record(run, lambda: _mean(members, run), sum(member.outcome.seconds for member in members))


def _mean(members: Sequence[Run], run: Run) -> Any:
    for member in members:
        if member.split.read_text() != run.split.read_text():
            raise TrainingError(f"{member.name} was trained on other photos than are in {run.data} now.")
    weights = [network.uncalibrated(network.load(one.model), one.classes, one.outcome.calibration) for one in members]
    mean = network.build(run.config.model, len(run.classes), size=None).whole
    mean.set_weights([np.mean(same, axis=0) for same in zip(*weights, strict=True)])
    return mean
