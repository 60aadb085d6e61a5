"""The training pipeline from a folder of photos to a model that is served, on a few real photos."""

import json
import subprocess
from pathlib import Path

from PIL import Image, ImageEnhance

from localstack.settings import ROOT, tool
from tests.conftest import PHOTOS

NAMES = ("Banana__Healthy", "Banana__Rotten")


def train(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [tool("training", "python"), "-m", "training", "train", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_folder_of_class_folders_becomes_a_model(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        with Image.open(PHOTOS / f"{name}.jpg") as photo:
            for number in range(10):
                varied = ImageEnhance.Brightness(photo.rotate(number)).enhance(0.8 + number / 25)
                varied.save(tmp_path / name / f"{number}.jpg")
    ended = train(tmp_path, "--output", tmp_path / "model")
    assert ended.returncode == 0, ended.stderr
    assert "test macro-F1" in ended.stdout
    metadata = json.loads((tmp_path / "model" / "metadata.json").read_text())
    assert json.loads((tmp_path / "model" / "labels.json").read_text()) == list(NAMES)
    assert metadata["split"] == {"by": "group", "seed": 1, "train": 14, "val": 2, "test": 4}
    assert metadata["test"]["accuracy"] == 1
    assert metadata["litert_against_keras"]["same_class"] == 1
    assert (tmp_path / "model" / "model.tflite").stat().st_size < 15_000_000


def test_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    ended = train(tmp_path / "nothing")
    assert ended.returncode == 1
    assert ended.stderr.strip() == f"training: There is no data set folder {tmp_path / 'nothing'}."
