"""Pictures of what `evaluate` found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

mpl.use("Agg")
from matplotlib import pyplot as plt
from PIL import Image

from training.metrics import Labels

HEALTHY: Final = "#2e7d32"
ROTTEN: Final = "#8d3b1f"
NEUTRAL: Final = "#33558b"


def curves(history: Sequence[dict[str, float]], file: Path) -> None:
    """Loss, accuracy and learning rate over the epochs."""
    figure, (loss, accuracy, rate) = plt.subplots(1, 3, figsize=(15, 4), layout="constrained")
    epochs = range(1, len(history) + 1)
    for axis, name in ((loss, "loss"), (accuracy, "accuracy")):
        axis.plot(epochs, [row[name] for row in history], label="train (augmented)", color=ROTTEN)
        axis.plot(epochs, [row[f"val_{name}"] for row in history], label="val", color=NEUTRAL)
        axis.legend()
        axis.set(title=name, xlabel="epoch")
    rate.plot(epochs, [row["learning_rate"] for row in history], color=NEUTRAL)
    rate.set(title="learning rate at the end of the epoch", xlabel="epoch")
    _save(figure, file)


def confusion(counts: Labels, names: Sequence[str], file: Path) -> None:
    """The confusion matrix, rows the truth, coloured by the share of the row."""
    figure, axis = plt.subplots(figsize=(13, 12), layout="constrained")
    axis.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts):
        dark = counts[row, column] > counts[row].sum() / 2
        axis.text(column, row, counts[row, column], ha="center", va="center", color="white" if dark else "black")
    axis.set_xticks(range(len(names)), names, rotation=90)
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="called", ylabel="is", title="Test photos by class")
    _save(figure, file)


def f1_scores(rows: Sequence[dict[str, Any]], file: Path) -> None:
    """F1 of each class with its 95 % interval, the weakest on top."""
    ordered = sorted(rows, key=lambda row: -row["f1"])
    figure, axis = plt.subplots(figsize=(9, 9), layout="constrained")
    for place, row in enumerate(ordered):
        colour = ROTTEN if row["class"].endswith("__Rotten") else HEALTHY
        axis.plot(row["f1_95"], [place, place], color=colour, linewidth=2)
        axis.plot(row["f1"], place, "o", color=colour)
    axis.set_yticks(range(len(ordered)), [f"{row['class']} ({row['photos']})" for row in ordered])
    axis.set(xlabel="F1 with 95 % interval", xlim=(0, 1.02), title="Classes, with their number of test photos")
    axis.grid(axis="x", alpha=0.3)
    _save(figure, file)


def reliability(before: Sequence[dict[str, float]], after: Sequence[dict[str, float]], file: Path) -> None:
    """Confidence against the share of right answers, before and after temperature scaling."""
    figure, axis = plt.subplots(figsize=(6, 6), layout="constrained")
    axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for bins, name, colour in ((before, "as trained", ROTTEN), (after, "scaled", NEUTRAL)):
        axis.plot(
            [one["confidence"] for one in bins], [one["accuracy"] for one in bins], "o-", label=name, color=colour
        )
    axis.set(xlabel="confidence", ylabel="share of right answers", title="Reliability on the test photos")
    axis.legend()
    _save(figure, file)


def rotten_curve(curve: dict[str, list[float]], file: Path) -> None:
    """Rotten photos missed and healthy photos called rotten, by the threshold of the rotten probability."""
    figure, axis = plt.subplots(figsize=(7, 5), layout="constrained")
    axis.plot(curve["threshold"], curve["rotten_missed"], label="rotten photos called healthy", color=ROTTEN)
    axis.plot(curve["threshold"], curve["healthy_called_rotten"], label="healthy photos called rotten", color=HEALTHY)
    axis.set(xlabel="called rotten from this probability on", ylabel="share", ylim=(0, 0.3))
    axis.grid(alpha=0.3)
    axis.legend()
    _save(figure, file)


def scores(sets: dict[str, npt.NDArray[np.float64]], threshold: float, file: Path) -> None:
    """How the recognition score is spread over known produce and over everything else."""
    figure, axis = plt.subplots(figsize=(8, 5), layout="constrained")
    bins = np.linspace(min(map(np.min, sets.values())), max(map(np.max, sets.values())), 50)
    for name, values in sets.items():
        axis.hist(values, bins, density=True, alpha=0.5, label=f"{name} ({len(values)})")
    axis.axvline(threshold, color="black", linestyle="--", label="recognised from here on")
    axis.set(xlabel="recognition score", ylabel="density")
    axis.legend()
    _save(figure, file)


def contact_sheet(images: npt.NDArray[Any], maps: npt.NDArray[Any], titles: Sequence[str], file: Path) -> None:
    """Photos beside where the model looked for the class that it named. `maps` has the shape (photos, h, w)."""
    columns = 4
    rows = max(1, -(-len(images) // columns))
    figure, axes = plt.subplots(
        rows, columns * 2, figsize=(4 * columns, 2.4 * rows), layout="constrained", squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for index, (image, heat, title) in enumerate(zip(images, maps, titles, strict=True)):
        plain, looked = axes[index // columns, 2 * (index % columns) : 2 * (index % columns) + 2]
        photo = image[..., :3]
        plain.imshow(photo)
        plain.set_title(title, fontsize=7, loc="left")
        looked.imshow(photo)
        wide = Image.fromarray(np.maximum(heat, 0).astype(np.float32)).resize(
            photo.shape[1::-1], Image.Resampling.BICUBIC
        )
        looked.imshow(np.asarray(wide), cmap="inferno", alpha=0.55)
    _save(figure, file)


def _save(figure: Any, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    plt.close(figure)
