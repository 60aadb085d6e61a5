"""`python -m training train DATASET`: train the head, test it, convert it, and write functions/predict/model/."""

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

import numpy as np

from training import dataset, metrics

ROOT = Path(__file__).resolve().parent.parent
BAKED = ROOT / "functions" / "predict" / "model"
STATE = ROOT / ".rottenbot"
VIEWS = 4


def main() -> int:
    arguments = _parser().parse_args()
    try:
        train(arguments.dataset, arguments.backbone, arguments.output, arguments.seed)
    except dataset.DatasetError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    return 0


def train(folder: Path, backbone_file: Path, output: Path, seed: int) -> None:
    """Train on the photos in `folder` and write the model, its labels and its metadata to `output`."""
    photos = dataset.read(folder)
    if not backbone_file.is_file():
        raise dataset.DatasetError(f"There is no backbone {backbone_file}.")

    import keras

    from training import export, head

    keras.utils.set_random_seed(seed)
    labels = sorted({photo.label for photo in photos})
    subsets = dataset.split(photos, seed)
    sizes: dict[str, int] = {name: len(members) for name, members in subsets.items()}
    print(f"{len(photos)} photos, {len(labels)} classes, split by group: {sizes}", flush=True)

    backbone = head.load_backbone(backbone_file)
    truth = {name: np.array([labels.index(photo.label) for photo in members]) for name, members in subsets.items()}
    train_features = head.extract(backbone, subsets["train"], VIEWS, "train")
    val_features = head.extract(backbone, subsets["val"], 1, "val")
    trained = head.train((train_features, np.tile(truth["train"], VIEWS)), (val_features, truth["val"]), len(labels))
    model = head.assemble(backbone, trained)
    export.write(model, output)

    images = head.load(photo.path for photo in subsets["test"])
    litert_rows = export.litert_probabilities(output / "model.tflite", images)
    agreement = export.check_agreement(model.predict(images, verbose=0), litert_rows)
    report = _report(truth["test"], litert_rows.argmax(axis=1), labels)
    metadata = {
        "trained_on": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "backbone": "efficientnet_lite0_notop",
        "preprocessing": {"size": head.SIZE, "range": [0, 255], "resize": "bilinear, area-aware, to a square"},
        "split": {"by": "group", "seed": seed, **sizes},
        "dataset_sha256": dataset.fingerprint(photos),
        **report,
        "litert_against_keras": agreement,
    }
    version = export.write_metadata(output, labels, metadata)
    _log(version, {"seed": seed, "views": VIEWS} | sizes, report["test"])
    _print(report)
    print(f"test macro-F1 {report['test']['macro_f1']:.4f}; model {version} written to {output}")


def _report(truth: metrics.Labels, answers: metrics.Labels, labels: list[str]) -> dict[str, Any]:
    f1 = metrics.f1_per_class(truth, answers, len(labels))
    counts = np.bincount(truth, minlength=len(labels))
    per_class = {
        label: {"f1": round(float(score), 4), "photos": int(count)}
        for label, score, count in zip(labels, f1, counts, strict=True)
    }
    return {"test": metrics.summary(truth, answers, labels), "test_f1": per_class}


def _log(version: str, parameters: dict[str, int], scores: dict[str, float]) -> None:
    import mlflow

    STATE.mkdir(exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{STATE / 'mlflow.db'}")
    with mlflow.start_run(run_name=version):
        mlflow.log_params(parameters)
        mlflow.log_metrics(scores)


def _print(report: dict[str, Any]) -> None:
    for label, row in report["test_f1"].items():
        print(f"  {label:22} F1 {row['f1']:.3f}  ({row['photos']} test photos)")
    print("  ".join(f"{name} {value:.4f}" for name, value in report["test"].items()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("train", help="train, test, convert and write a model")
    command.add_argument("dataset", type=Path, help="a folder with manifest.csv, or with a folder per class")
    command.add_argument(
        "--backbone", type=Path, default=BAKED / "model.keras", help="EfficientNet-Lite0 (default: %(default)s's)"
    )
    command.add_argument("--output", type=Path, default=BAKED, help="where the model goes")
    command.add_argument("--seed", type=int, default=1, help="of the split, the augmentation and the weights")
    return parser


if __name__ == "__main__":
    sys.exit(main())
