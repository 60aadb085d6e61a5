"""The folder of a run: everything that a command needs from the commands before it."""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from training import dataset
from training.config import Config
from training.dataset import Subset, Subsets
from training.metrics import Calibration, Classes
from training.photos import Decoded, decode
from training.problems import TrainingError

ROOT: Final = Path(__file__).resolve().parent.parent
STATE: Final = Path(os.environ.get("ROTTENBOT_STATE", ROOT / ".rottenbot")).resolve() / "training"
CACHE: Final = STATE / "photos"


@dataclass(frozen=True)
class Outcome:
    """What `train` found out besides the weights."""

    mlflow_run: str
    git_sha: str
    git_dirty: bool
    dataset_sha256: str
    split_sha256: str
    trained_on: str
    seconds: float
    temperature: float
    rotten_bias: float

    @property
    def calibration(self) -> Calibration:
        """How the network's logits became the model's."""
        return Calibration(self.temperature, self.rotten_bias)


class Run:
    """A run by its name, with the files that its commands leave."""

    def __init__(self, name: str) -> None:
        if not re.fullmatch(r"[\w.-]+", name):
            raise TrainingError(f"{name} is no name for a run: letters, digits, '.', '_' and '-' only.")
        self.name = name
        self.folder = STATE / "runs" / name
        self.split = self.folder / "split.csv"
        self.model = self.folder / "model.keras"
        self.evaluation = self.folder / "evaluation"
        self.export = self.folder / "export"

    @classmethod
    def all(cls) -> list["Run"]:
        """Every run that has ended, by name."""
        return [cls(file.parent.name) for file in sorted((STATE / "runs").glob("*/outcome.json"))]

    @property
    def evaluated(self) -> bool:
        """Whether `evaluate` has been run."""
        return (self.evaluation / "report.json").exists()

    @property
    def ended(self) -> bool:
        """Whether its model is there."""
        return (self.folder / "outcome.json").exists()

    def begin(self, settings: Config, data: Path, members: Sequence[str] = ()) -> None:
        """Make the folder, or go on with it if it was begun with the same settings and data.

        `members` are the runs that it is the average of.
        """
        if not data.is_dir():
            raise TrainingError(f"There is no data set folder {data}.")
        started = {"data": str(data.resolve()), "config": settings.model_dump(mode="json"), "members": list(members)}
        file = self.folder / "run.json"
        if not file.exists():
            self.write("run.json", started)
        elif json.loads(file.read_text()) != started:
            raise TrainingError(f"The run {self.name} was begun with other settings or data; name another.")

    def remember(self, mlflow_run: str) -> None:
        """Keep the id of the run in MLflow, to go on with it."""
        (self.folder / "mlflow_run").write_text(mlflow_run)

    @property
    def mlflow_run(self) -> str | None:
        """The id of the run in MLflow, if it was begun."""
        file = self.folder / "mlflow_run"
        return file.read_text() if file.exists() else None

    @property
    def data(self) -> Path:
        """The data set's folder."""
        return Path(self._started()["data"])

    @property
    def members(self) -> list["Run"]:
        """The runs that it is the average of; none for one that was trained."""
        return [Run(name) for name in self._started()["members"]]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the run was begun with, as they were written down."""
        settings: dict[str, Any] = self._started()["config"]
        return settings

    @property
    def config(self) -> Config:
        """The settings that the run was begun with. Raises TrainingError for those of another version."""
        try:
            return Config.model_validate(self.settings)
        except ValidationError as error:
            raise TrainingError(f"The run {self.name} was begun with settings that are no longer known.") from error

    def end(self, outcome: Outcome) -> None:
        """Write down the outcome: the run has ended."""
        self.write("outcome.json", asdict(outcome))
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    @property
    def outcome(self) -> Outcome:
        """What the run found out. Raises TrainingError when it has not ended."""
        return Outcome(**self._read("outcome.json", "train"))

    def write(self, name: str, value: object) -> None:
        """Keep a JSON document in the run's folder."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(json.dumps(value, indent=2) + "\n")

    def add_epoch(self, epoch: int, measures: dict[str, float]) -> None:
        """Keep what was measured after an epoch."""
        with (self.folder / "history.jsonl").open("a") as lines:
            lines.write(json.dumps({"epoch": epoch} | measures) + "\n")

    @property
    def history(self) -> list[dict[str, float]]:
        """What was measured after each epoch; of an epoch that was begun twice, the last."""
        file = self.folder / "history.jsonl"
        rows = map(json.loads, file.read_text().splitlines()) if file.exists() else ()
        return list({row["epoch"]: row for row in rows}.values())

    @property
    def report(self) -> dict[str, Any]:
        """What `evaluate` wrote down."""
        report: dict[str, Any] = self._read("evaluation/report.json", "evaluate")
        return report

    @property
    def exports(self) -> dict[str, Any]:
        """What `export` wrote down."""
        exports: dict[str, Any] = self._read("export/exports.json", "export")
        return exports

    @cached_property
    def subsets(self) -> Subsets:
        """The photos of the split that was written down."""
        return dataset.read_split(self.split, self.data)

    @cached_property
    def classes(self) -> Classes:
        """The classes of the data, in the order of the model's answers."""
        return Classes(tuple(sorted({photo.label for members in self.subsets.values() for photo in members})))

    def images(self, subset: Subset, size: int | None = None) -> Decoded:
        """The decoded photos of a subset, at the size of the run's model or at another."""
        members = self.subsets
        everything = sorted((photo for photos in members.values() for photo in photos), key=lambda photo: photo.name)
        numbers = {photo.name: number for number, photo in enumerate(everything)}
        pixels = decode(everything, size or self.config.model.size, CACHE).pixels
        return Decoded(pixels, np.array([numbers[photo.name] for photo in members[subset]]))

    def truth(self, subset: Subset) -> npt.NDArray[np.int64]:
        """The class number of each photo of a subset."""
        numbers = {name: number for number, name in enumerate(self.classes.names)}
        return np.array([numbers[photo.label] for photo in self.subsets[subset]])

    def labelled(self, subset: Subset) -> tuple[Decoded, npt.NDArray[np.int64]]:
        """The decoded photos of a subset with the class number of each, to train on or to choose by."""
        return self.images(subset), self.truth(subset)

    def _started(self) -> dict[str, Any]:
        started: dict[str, Any] = self._read("run.json", "train")
        return started

    def _read(self, name: str, command: str) -> Any:
        file = self.folder / name
        if not file.is_file():
            raise TrainingError(f"The run {self.name} has no {name}: `python -m training {command}` makes it.")
        return json.loads(file.read_text())
