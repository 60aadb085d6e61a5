"""MODEL_CARD.md: for whom the model is, on what it was trained, how well it does and where it fails."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def render(
    metadata: Mapping[str, Any], sources: Sequence[tuple[str, str, int]], failures: Sequence[Mapping[str, str]]
) -> str:
    """The card as Markdown, from what metadata.json says, the sources of the data and the failures in failures.jpg."""
    parts = (
        _title(metadata),
        _use(metadata),
        _data(metadata, sources),
        _scores(metadata),
        _classes(metadata),
        _robustness(metadata),
        _files(metadata),
        _failures(failures),
        _limits(),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(metadata: Mapping[str, Any]) -> str:
    config, run, members = metadata["config"], metadata["run"], metadata["members"]
    mean = f"; the mean of the weights of {len(members)} such runs" if members else ""
    return f"""# Model {metadata["version"]}

{config["model"]["backbone"]} at {metadata["preprocessing"]["size"]} x {metadata["preprocessing"]["size"]} pixels, \
pretrained on ImageNet and trained from `{config["model"]["trainable_from"]}` on{mean}. Trained on \
{metadata["trained_on"]} in {metadata["training_seconds"] / 60:.0f} minutes, commit {run["git"][:12]}."""


def _use(metadata: Mapping[str, Any]) -> str:
    kinds = sorted({row["class"].rpartition("__")[0] for row in metadata["per_class"]})
    return f"""## Intended use

To say from one photo of one kind of produce what it is and whether it looks healthy or rotten. It knows \
{", ".join(kinds)}. It sees the surface only: it is no food safety test, and a photo that it calls healthy may be of a \
fruit that is not. A photo whose recognition score is below {metadata["recognition"]["recognised_from"]:.2f} is \
answered with `recognised: false`."""


def _data(metadata: Mapping[str, Any], sources: Sequence[tuple[str, str, int]]) -> str:
    split = metadata["split"]
    text = f"""## Data

{split["train"]} photos to train, {split["val"]} to choose and calibrate, {split["test"]} to test, split by \
{split["by"]} (seed {split["seed"]}); data set {metadata["dataset_sha256"][:12]}, split {split["sha256"][:12]}."""
    rows = _table(
        ("Source", "Licence", "Photos"),
        (
            (f"github.com/{name}" if name else "not named", licence or "none stated", count)
            for name, licence, count in sources
        ),
    )
    return f"{text}\n\n{rows}" if sources else text


def _scores(metadata: Mapping[str, Any]) -> str:
    names = {
        "accuracy": "accuracy, all classes",
        "macro_f1": "macro-F1",
        "state_accuracy": "accuracy, healthy or rotten",
        "kind_accuracy": "accuracy, kind",
        "rotten_called_healthy": "rotten photos called healthy",
    }
    members = metadata["members"]
    head = ("On the test photos", "", "95 % interval", *(f"seed {one['seed']} alone" for one in members))
    rows = (
        (
            text,
            _percent(metadata["test"][key]),
            _span(metadata["test_95"][key]),
            *(_percent(one[key]) for one in members),
        )
        for key, text in names.items()
    )
    calibration, recognition = metadata["calibration"], metadata["recognition"]
    others = _table(
        ("Photos of", "Number", "Recognised", "AUROC"),
        (
            (name, one["photos"], _percent(one["recognised"]), "" if index == 0 else f"{one['auroc']:.3f}")
            for index, (name, one) in enumerate(recognition["sets"].items())
        ),
    )
    return f"""## How well it does

{_table(head, rows)}

Intervals are by drawing whole groups of photos again. The logits of the rotten classes are raised by \
{calibration["rotten_bias"]:.2f}, the most that costs no accuracy on the val photos. Expected calibration error \
{calibration["expected_error"]:.3f} after dividing by the temperature {calibration["temperature"]:.2f} \
({calibration["expected_error_unscaled"]:.3f} before).

The recognition score is the {recognition["score"]}; the threshold is the one that 97 % of the val photos reach.

{others}"""


def _classes(metadata: Mapping[str, Any]) -> str:
    rows = (
        (
            one["class"],
            one["photos"],
            _percent(one["precision"]),
            _percent(one["recall"]),
            f"{one['f1']:.3f}",
            _plain_span(one["f1_95"]),
        )
        for one in metadata["per_class"]
    )
    return "## By class\n\n" + _table(("Class", "Test photos", "Precision", "Recall", "F1", "95 % interval"), rows)


def _robustness(metadata: Mapping[str, Any]) -> str:
    rows = (
        (
            name,
            _percent(one["accuracy"]),
            one["altered_photos"],
            f"{_percent(one['accuracy_of_altered_before'])} to {_percent(one['accuracy_of_altered'])}",
        )
        for name, one in (metadata["robustness"] | metadata["shortcuts"]).items()
    )
    head = ("Test photos", "Accuracy", "Changed photos", "Accuracy of those")
    return "## Changed photos\n\n" + _table(head, rows)


def _files(metadata: Mapping[str, Any]) -> str:
    exports = metadata["export"]
    rows = (
        (
            f"**{one['precision']}**" if one["precision"] == exports["chosen"] else one["precision"],
            one["megabytes"],
            _percent(one["test_accuracy"]),
            f"{one['test_macro_f1']:.3f}",
            _percent(one["same_class_as_keras"]),
            one["milliseconds_1_thread"],
            one["milliseconds_2_threads"],
        )
        for one in exports["files"]
    )
    head = ("LiteRT file", "MB", "Accuracy", "Macro-F1", "Same class as Keras", "ms, 1 thread", "ms, 2 threads")
    cost = exports["class_map_milliseconds"]
    return (
        f"## Files\n\n{_table(head, rows)}\n\n{exports['reason']} The class map, which says where the model looked, "
        f"comes with every answer: {cost['with']} ms with it, {cost['without']} ms without."
    )


def _failures(failures: Sequence[Mapping[str, str]]) -> str:
    if not failures:
        return ""
    lines = "\n".join(
        f"{number}. `{row['path']}` is called {row['predicted']} ({float(row['confidence']):.0%}); from "
        f"github.com/{row['source_repo']}, {row['licence']}."
        for number, row in enumerate(failures, 1)
    )
    return f"""## Known failures

![Wrongly named test photos](failures.jpg)

Wrongly named test photos, from left to right; only photos with a licence are shown.

{lines}"""


def _limits() -> str:
    return """## Limits

Classes with few photos have wide intervals. Photos come from public collections: market produce on plain ground and \
single fruits are more common in them than crates, plants and kitchens. One photo gets one answer: of several kinds in \
one photo it names one. Rot that shows on the other side is not seen."""


def _table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _span(bounds: Sequence[float]) -> str:
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def _plain_span(bounds: Sequence[float]) -> str:
    return f"{bounds[0]:.2f} to {bounds[1]:.2f}"
