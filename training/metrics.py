"""What a model got right, counted from its answers."""

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]


def f1_per_class(truth: Labels, predicted: Labels, classes: int) -> npt.NDArray[np.float64]:
    """F1 of every class, shape (classes,): 2 TP / (2 TP + FP + FN), and 0 for a class nobody saw or named."""
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    hits = confusion.diagonal()
    seen_or_named = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores: npt.NDArray[np.float64] = np.where(seen_or_named > 0, 2.0 * hits / np.maximum(seen_or_named, 1), 0.0)
    return scores


def summary(truth: Labels, predicted: Labels, labels: list[str]) -> dict[str, float]:
    """Accuracy, macro-F1, healthy/rotten and kind accuracy, and the share of rotten photos called healthy, all 0..1."""
    state = np.array([label.endswith("__Rotten") for label in labels])
    kind = np.array([label.split("__")[0] for label in labels])
    rotten = state[truth]
    return {
        "accuracy": float(np.mean(truth == predicted)),
        "macro_f1": float(f1_per_class(truth, predicted, len(labels)).mean()),
        "state_accuracy": float(np.mean(rotten == state[predicted])),
        "kind_accuracy": float(np.mean(kind[truth] == kind[predicted])),
        "rotten_called_healthy": float(np.mean(~state[predicted][rotten])),
    }
