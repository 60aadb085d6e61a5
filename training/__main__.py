"""`python -m training train DATASET`: train the head, test it, convert it, and write functions/predict/model/."""

import argparse
import datetime
import sys
from pathlib import Path

import numpy as np

from training import dataset, metrics

ROOT = Path(__file__).resolve().parent.parent
VIEWS = 4


def main() -> int:
    arguments = _parser().parse_args()
    try:
        train(arguments.dataset, arguments.backbone, arguments.output, arguments.seed)
    except dataset.DatasetError as error:
        print(f"training: {error}", file=sys.stderr)
        return 1
    return 0


def train(folder: Path, backbone_file: Path | None, output: Path, seed: int) -> None:
    """Train on the photos in `folder` and write the model, its labels and its metadata to `output`."""
    photos = dataset.read(folder)
    backbone_file = backbone_file or folder / "weights" / "efficientnet_lite0_notop.keras"
    if not backbone_file.is_file():
        raise dataset.DatasetError(f"There is no backbone {backbone_file}; name one with --backbone.")

    import keras
    import mlflow

    from training import export, head

    keras.utils.set_random_seed(seed)
    labels = sorted({photo.label for photo in photos})
    subsets = dataset.split(photos, seed)
    sizes = {name: len(members) for name, members in subsets.items()}
    print(f"{len(photos)} photos, {len(labels)} classes, split by group: {sizes}", flush=True)

    backbone = head.load_backbone(backbone_file)
    truth = {name: np.array([labels.index(photo.label) for photo in members]) for name, members in subsets.items()}
    train_features = head.extract(backbone, subsets["train"], VIEWS, "train")
    val_features = head.extract(backbone, subsets["val"], 1, "val")
    trained = head.train((train_features, np.tile(truth["train"], VIEWS)), (val_features, truth["val"]), len(labels))
    model = head.assemble(backbone, trained)
    export.write(model, output)

    images = head.load(photo.path for photo in subsets["test"])
    keras_rows = model.predict(images, verbose=0)
    litert_rows = export.litert_probabilities(output / "model.tflite", images)
    agreement = export.check_agreement(keras_rows, litert_rows)
    answers = litert_rows.argmax(axis=1)
    scores = metrics.summary(truth["test"], answers, labels)
    f1 = metrics.f1_per_class(truth["test"], answers, len(labels))
    counts = np.bincount(truth["test"], minlength=len(labels))
    version = export.write_metadata(
        output,
        labels,
        {
            "trained_on": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "backbone": backbone_file.stem,
            "preprocessing": {"size": head.SIZE, "range": [0, 255], "resize": "bilinear, area-aware, to a square"},
            "split": {"by": "group", "seed": seed, **sizes},
            "dataset_sha256": dataset.fingerprint(photos),
            "test": scores,
            "test_f1": {
                label: {"f1": round(float(score), 4), "photos": int(count)}
                for label, score, count in zip(labels, f1, counts, strict=True)
            },
            "litert_against_keras": agreement,
        },
    )

    mlflow.set_tracking_uri(f"sqlite:///{_state() / 'mlflow.db'}")
    with mlflow.start_run(run_name=version):
        mlflow.log_params({"seed": seed, "views": VIEWS, "backbone": backbone_file.stem} | sizes)
        mlflow.log_metrics(scores)

    for label, score, count in zip(labels, f1, counts, strict=True):
        print(f"  {label:22} F1 {score:.3f}  ({count} test photos)")
    print("  ".join(f"{name} {value:.4f}" for name, value in scores.items()))
    print(f"test macro-F1 {scores['macro_f1']:.4f}; model {version} written to {output}")


def _state() -> Path:
    folder = ROOT / ".rottenbot"
    folder.mkdir(exist_ok=True)
    return folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("train", help="train, test, convert and write a model")
    command.add_argument("dataset", type=Path, help="a folder with manifest.csv, or with a folder per class")
    command.add_argument("--backbone", type=Path, help="a Keras backbone (default: DATASET/weights/…lite0_notop.keras)")
    command.add_argument("--output", type=Path, default=ROOT / "functions/predict/model", help="where the model goes")
    command.add_argument("--seed", type=int, default=1, help="of the split, the augmentation and the weights")
    return parser


if __name__ == "__main__":
    sys.exit(main())
