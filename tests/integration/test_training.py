"""The training pipeline from a folder of photos to a model that is served, on a few real photos."""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from localstack.settings import ROOT, tool
from tests.conftest import PHOTOS

NAMES = ("Banana__Healthy", "Banana__Rotten", "Orange__Rotten")
CONFIG = """
[model]
size = 64
trainable_from = "block15"

[optimisation]
phases = [[64, 1]]
head_epochs = 20
"""


def training(*arguments: str | Path, state: Path) -> "subprocess.CompletedProcess[str]":
    return run_python("-m", "training", *arguments, state=state)


def run_python(*arguments: str | Path, state: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [tool("training", "python"), *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | {"ROTTENBOT_STATE": str(state)},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of ten changed copies of a photo, which a manifest declares to be different photos."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for name in NAMES:
        (folder / name).mkdir()
        with Image.open(PHOTOS / f"{name}.jpg") as photo:
            for number in range(10):
                varied = ImageEnhance.Brightness(photo.rotate(number)).enhance(0.8 + number / 25)
                varied.save(folder / name / f"{number}.jpg")
                rows.append({"path": f"{name}/{number}.jpg", "class": name, "group": f"{name}-{number}"})
    with (folder / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_a_folder_of_photos_becomes_a_tested_model_that_serves(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(CONFIG)
    others = tmp_path / "others" / "grey"
    others.mkdir(parents=True)
    Image.new("RGB", (96, 96), "grey").save(others / "grey.png")

    state, baked = tmp_path / "state", tmp_path / "model"
    steps: tuple[tuple[str | Path, ...], ...] = (
        ("train", folder, "--run", "first", "--config", tmp_path / "run.toml"),
        ("train", folder, "--run", "second", "--config", tmp_path / "run.toml", "--seed", "2"),
        ("average", "first", "second", "--run", "one"),
        ("evaluate", "first", "--quick"),
        ("evaluate", "second", "--quick"),
        ("evaluate", "one", "--others", others.parent),
        ("export", "one"),
        ("compare",),
        ("promote", "one"),
        ("bake", "--output", baked),
    )
    commands = [[str(argument) for argument in step] for step in steps]
    program = "import sys; from training.__main__ import main"
    program += "".join(f"; sys.argv[1:] = {command}; assert main() == 0" for command in commands)
    ended = run_python("-c", program, state=state)  # one process for all: TensorFlow takes seconds to import
    assert ended.returncode == 0, ended.stderr[-2000:]

    metadata = json.loads((baked / "metadata.json").read_text())
    assert json.loads((baked / "labels.json").read_text()) == list(NAMES)
    assert metadata["run"]["name"] == "one"
    assert [one["seed"] for one in metadata["members"]] == [1, 2]
    assert {subset: metadata["split"][subset] for subset in ("train", "val", "test")} == {
        "train": 21,
        "val": 3,
        "test": 6,
    }
    assert metadata["test"]["accuracy"] == 1
    assert metadata["export"]["files"][0]["same_class_as_keras"] == 1
    assert metadata["export"]["files"][0]["largest_difference"] < 0.001
    assert metadata["recognition"]["sets"]["grey"]["photos"] == 1
    assert "| Banana__Healthy | 2 |" in (baked / "MODEL_CARD.md").read_text()
    pictures = {path.stem for path in (state / "training" / "runs" / "first" / "evaluation").glob("*.png")}
    assert pictures >= {"curves", "confusion", "f1", "reliability", "rotten_curve", "recognition", "confidently_wrong"}
    with sqlite3.connect(state / "training" / "mlflow.db") as tracked:
        aliases = {alias for (alias,) in tracked.execute("SELECT alias FROM registered_model_aliases")}
        losses = tracked.execute("SELECT COUNT(*) FROM metrics WHERE key = 'val_loss'").fetchone()
    assert aliases == {"candidate", "champion"}
    assert losses == (2,)
    serves(baked, folder, state / "training" / "runs" / "one" / "evaluation" / "predictions.csv")


def serves(baked: Path, folder: Path, predictions: Path) -> None:
    """The served function answers what the evaluation wrote down, on the same files."""
    with predictions.open(newline="") as lines:
        expected = {row["path"]: (row["predicted"], float(row["confidence"])) for row in csv.DictReader(lines)}
    program = """
import json, sys
from pathlib import Path
from functions.predict import classifier
from functions.predict.images import to_array
classifier.FOLDER = Path(sys.argv[1])
model = classifier.load("litert", 1)
for name in sys.argv[3:]:
    best = model.classify(to_array((Path(sys.argv[2]) / name).read_bytes(), model.size)).top[0]
    print(json.dumps([best.predicted_class_name, best.confidence]))
"""
    command = [sys.executable, "-c", program, str(baked), str(folder), *expected]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for line, (name, confidence) in zip(ended.stdout.splitlines(), expected.values(), strict=True):
        answered, answered_confidence = json.loads(line)
        assert answered == name
        assert answered_confidence == pytest.approx(confidence, abs=0.02)


def test_an_interrupted_run_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(CONFIG.replace("[[64, 1]]", "[[64, 1], [96, 500]]"))
    history = tmp_path / "training" / "runs" / "one" / "history.jsonl"

    def train_for(epochs: int) -> list[int]:
        before = len(read_epochs(history))
        command: list[str | Path] = [tool("training", "python"), "-m", "training", "train", folder, "--run", "one"]
        process = subprocess.Popen(
            [*command, "--config", tmp_path / "run.toml"],
            cwd=ROOT,
            env=os.environ | {"ROTTENBOT_STATE": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while len(read_epochs(history)) < before + epochs:
            assert process.poll() is None
            time.sleep(0.1)
        process.kill()
        process.wait()
        return read_epochs(history)

    first = train_for(3)
    both = train_for(2)
    assert first == list(range(len(first)))
    assert both[len(first)] in (first[-1], first[-1] + 1)


def read_epochs(history: Path) -> list[int]:
    return [json.loads(line)["epoch"] for line in history.read_text().splitlines()] if history.exists() else []


def test_runs_that_differ_in_more_than_the_seed_are_not_averaged(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / f"{name}.toml").write_text("seed = 1" if name == "one" else "[model]\nsize = 96")
        training("split", folder, "--run", name, "--config", tmp_path / f"{name}.toml", state=tmp_path)
    ended = training("average", "one", "other", state=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith("training: one and other differ in more than the seed.")


def test_a_folder_that_is_not_there_is_said_in_one_sentence(tmp_path: Path) -> None:
    ended = training("train", tmp_path / "nothing", state=tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.strip().endswith(f"training: There is no data set folder {tmp_path / 'nothing'}.")
