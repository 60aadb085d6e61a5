"""What a model got right, counted from its answers: pure functions of arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

Labels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.floating]
Numbers = npt.NDArray[np.float64]
BINS: Final = 15
RESAMPLES: Final = 2000
COSTS: Final = np.arange(10, 41) / 10


@dataclass(frozen=True)
class Classes:
    """The names of the classes, and what they say about kind and state."""

    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def rotten(self) -> npt.NDArray[np.bool_]:
        """Which classes are rotten, shape (classes,)."""
        return np.array([name.endswith("__Rotten") for name in self.names])

    @property
    def kinds(self) -> npt.NDArray[np.str_]:
        """The kind of each class, shape (classes,)."""
        return np.array([name.rpartition("__")[0] for name in self.names])


def confusion(truth: Labels, predicted: Labels, classes: int) -> Labels:
    """How often a photo of class i was called class j, shape (classes, classes)."""
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def f1_per_class(truth: Labels, predicted: Labels, classes: int) -> Numbers:
    """F1 of every class, shape (classes,): 2 TP / (2 TP + FP + FN), and 0 for a class nobody saw or named."""
    counts = confusion(truth, predicted, classes)
    seen_or_named = counts.sum(axis=0) + counts.sum(axis=1)
    scores: Numbers = 2.0 * counts.diagonal() / np.maximum(seen_or_named, 1)
    return scores


def summary(truth: Labels, predicted: Labels, classes: Classes) -> dict[str, float]:
    """Accuracy, macro-F1, healthy/rotten and kind accuracy, and the share of rotten photos called healthy, all 0..1."""
    rotten = classes.rotten[truth]
    return {
        "accuracy": float(np.mean(truth == predicted)),
        "macro_f1": float(f1_per_class(truth, predicted, len(classes)).mean()),
        "state_accuracy": float(np.mean(rotten == classes.rotten[predicted])),
        "kind_accuracy": float(np.mean(classes.kinds[truth] == classes.kinds[predicted])),
        "rotten_called_healthy": float(np.mean(~classes.rotten[predicted][rotten])),
    }


def per_class(truth: Labels, predicted: Labels, groups: npt.NDArray[np.str_], classes: Classes) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each class with 95 % intervals: Wilson's, and for F1 a bootstrap over groups."""
    count = len(classes)
    counts = confusion(truth, predicted, count)
    f1 = f1_per_class(truth, predicted, count)
    low, high = interval(groups, lambda chosen: f1_per_class(truth[chosen], predicted[chosen], count))
    rows: list[dict[str, Any]] = []
    for index, name in enumerate(classes.names):
        hits, named, seen = counts[index, index], counts[:, index].sum(), counts[index].sum()
        rows.append(
            {
                "class": name,
                "photos": int(seen),
                "precision": _rounded(hits / max(named, 1)),
                "precision_95": _wilson(int(hits), int(named)),
                "recall": _rounded(hits / max(seen, 1)),
                "recall_95": _wilson(int(hits), int(seen)),
                "f1": _rounded(f1[index]),
                "f1_95": [_rounded(low[index]), _rounded(high[index])],
            }
        )
    return rows


def interval(
    groups: npt.NDArray[np.str_], measure: Callable[[Labels], Numbers], seed: int = 0
) -> tuple[Numbers, Numbers]:
    """The 95 % interval of a measure of photos, by drawing whole groups again: photos of one group are no new proof.

    `measure` takes the indices of the drawn photos. Returns the lower and the upper bound, of the measure's shape.
    """
    _, numbers = np.unique(groups, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(numbers))[:-1])
    random = np.random.default_rng(seed)
    drawn = [
        measure(np.concatenate([members[group] for group in random.integers(0, len(members), len(members))]))
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(np.stack(drawn), [2.5, 97.5], axis=0)
    return low, high


def probabilities(logits: Rows) -> Rows:
    """Softmax of each row."""
    rows: Rows = special.softmax(logits, axis=1)
    return rows


def recognition(logits: Rows) -> Numbers:
    """How much like a photo of a known class each row is: its largest logit.

    Hendrycks et al., "Scaling Out-of-Distribution Detection for Real-World Settings", 2022.
    """
    scores: Numbers = logits.max(axis=1)
    return scores


@dataclass(frozen=True)
class Calibration:
    """What turns a network's logits into answers: all are divided, then those of rotten classes are raised."""

    temperature: float
    rotten_bias: float

    def apply(self, logits: Rows, classes: Classes) -> Rows:
        """The calibrated logits."""
        calibrated: Rows = logits / self.temperature + self.rotten_bias * classes.rotten
        return calibrated


def calibrate(logits: Rows, truth: Labels, classes: Classes) -> Calibration:
    """Make confidence honest, and raise the rotten classes as far as it costs no accuracy.

    To miss a rotten photo is the costly error. At a cost of c times the other one the best answer is the largest of
    the logits with ln c added to the rotten ones (Elkan, "The Foundations of Cost-Sensitive Learning", 2001); taken is
    the largest c up to 4 at which accuracy on these photos is not lower than at 1.
    """
    temperature = fit_temperature(logits, truth)
    tried = [Calibration(temperature, float(bias)) for bias in np.log(COSTS)]
    right = [int(np.sum(one.apply(logits, classes).argmax(axis=1) == truth)) for one in tried]
    return [one for one, count in zip(tried, right, strict=True) if count >= right[0]][-1]


def fit_temperature(logits: Rows, truth: Labels) -> float:
    """The number to divide logits by so that confidence is as high as the share of right answers (Guo et al., 2017)."""

    def loss(temperature: float) -> float:
        scaled = special.log_softmax(logits / temperature, axis=1)
        return float(-scaled[np.arange(len(truth)), truth].mean())

    return float(optimize.minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded").x)


def reliability(rows: Rows, truth: Labels) -> list[dict[str, float]]:
    """Confidence, share of right answers and number of photos in each of 15 equal bins of confidence."""
    confidence, right = rows.max(axis=1), rows.argmax(axis=1) == truth
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "confidence": float(confidence[bins == one].mean()),
            "accuracy": float(right[bins == one].mean()),
            "photos": int((bins == one).sum()),
        }
        for one in range(BINS)
        if (bins == one).any()
    ]


def calibration_error(rows: Rows, truth: Labels) -> float:
    """Expected calibration error: how far confidence is from the share of right answers, on average over the bins."""
    bins = reliability(rows, truth)
    return sum(one["photos"] * abs(one["confidence"] - one["accuracy"]) for one in bins) / len(truth)


def rotten_curve(rows: Rows, truth: Labels, classes: Classes) -> dict[str, list[float]]:
    """For thresholds of the summed rotten probability: rotten photos missed, and healthy photos called rotten."""
    rotten_share, rotten = rows[:, classes.rotten].sum(axis=1), classes.rotten[truth]
    thresholds = np.linspace(0.01, 0.99, 99)
    return {
        "threshold": thresholds.round(2).tolist(),
        "rotten_missed": [float(np.mean(rotten_share[rotten] < one)) for one in thresholds],
        "healthy_called_rotten": [float(np.mean(rotten_share[~rotten] >= one)) for one in thresholds],
    }


def auroc(inside: Numbers, outside: Numbers) -> float:
    """The chance that a photo of the known kinds scores higher than one that is none of them."""
    return float(stats.mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside)))


def _wilson(hits: int, of: int) -> list[float]:
    if not of:
        return [0.0, 1.0]
    bounds = stats.binomtest(hits, of).proportion_ci(method="wilson")
    return [_rounded(bounds.low), _rounded(bounds.high)]


def _rounded(value: float) -> float:
    return round(float(value), 4)
