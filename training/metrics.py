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
    return np.divide(2.0 * hits, seen_or_named, out=np.zeros(classes), where=seen_or_named > 0)


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
