"""The main job, shown: sample photos go in by both ways, and everything that became of them is counted."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pg8000.native
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, track
from rich.table import Table

from localstack import aws, parts
from localstack.client import RECORDED_SECONDS, ApiError, Client
from localstack.settings import ROOT, Settings
from localstack.stack import Stack, running

PHOTOS: Final = ROOT / "tests" / "photos"
EMPTY_SECONDS: Final = 15
LOG_WIDTH: Final = 116
COLUMNS: Final = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
console = Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)


@dataclass(frozen=True)
class Sent:
    """A photo on its way; `answered` is how many milliseconds its answer took, None where only the record tells."""

    photo: Path
    uid: str
    began: float
    answered: float | None


@dataclass(frozen=True)
class Outcome:
    """What became of one photo, and after how many milliseconds that was on record."""

    sent: Sent
    record: dict[str, Any]
    recorded: float

    @property
    def expected(self) -> str:
        return self.sent.photo.stem

    @property
    def correct(self) -> bool:
        return bool(self.record["predicted_class_name"] == self.expected)


def demo() -> int:
    """Run it on a stack of its own, on free ports; returns 0 if every photo has a row and an archived object."""
    state = ROOT / ".rottenbot" / "demo"
    photos = sorted(PHOTOS.glob("*.jpg"))
    console.print("Starting every part of RottenBot on this machine …")
    with running(Settings.read().on_free_ports(state), console.print, fresh=True) as stack:
        client = Client(stack.url).join()
        console.print(f"Signed up and logged in at {stack.url}; classifying {len(photos)} photos.")
        outcomes = _classify(client, photos)
        _print_table(outcomes)
        complete = _print_counts(stack, outcomes)
    address = f"http://127.0.0.1:{Settings.read().rottenbot_port}"
    console.print(
        f"The stack is stopped. Run `make run`, which starts one that stays, and now open {address} in a browser."
    )
    return 0 if complete else 1


def _classify(client: Client, photos: list[Path]) -> list[Outcome]:
    waiting = [
        _send(client, photo, uploaded=bool(index % 2))
        for index, photo in enumerate(track(photos, "Sending photos         ", console=console))
    ]
    outcomes: list[Outcome] = []
    with Progress(*COLUMNS, console=console) as progress:
        task = progress.add_task("Waiting for the archive", total=len(waiting))
        deadline = time.monotonic() + RECORDED_SECONDS
        while waiting:
            if time.monotonic() > deadline:
                raise ApiError(f"{len(waiting)} photos were not recorded within {RECORDED_SECONDS} s")
            for sent in list(waiting):
                record = client.record(sent.uid)
                if record["status"] != "pending":
                    waiting.remove(sent)
                    outcomes.append(Outcome(sent, record, (time.perf_counter() - sent.began) * 1000))
                    progress.advance(task)
    return sorted(outcomes, key=lambda outcome: outcome.sent.photo.name)


def _send(client: Client, photo: Path, uploaded: bool) -> Sent:
    began = time.perf_counter()
    if uploaded:
        return Sent(photo, client.upload(photo), began, None)
    uid = client.predict(photo, save=True)["prediction_uid"]
    return Sent(photo, uid, began, (time.perf_counter() - began) * 1000)


def _print_table(outcomes: list[Outcome]) -> None:
    table = Table("photo", "expected", "predicted", "confidence", "way", "ms", box=SIMPLE)
    for outcome in outcomes:
        colour = "green" if outcome.correct else "yellow"
        table.add_row(
            outcome.sent.photo.name,
            outcome.expected,
            f"[{colour}]{outcome.record['predicted_class_name']}[/]",
            f"{outcome.record['confidence']:.2f}",
            "upload, S3 event" if outcome.sent.answered is None else "POST /predict",
            f"{outcome.sent.answered or outcome.recorded:.0f}",
        )
    console.print(table)


def _print_counts(stack: Stack, outcomes: list[Outcome]) -> bool:
    rows = _rows(stack)
    objects = _objects(stack)
    left = _messages_left(stack)
    correct = sum(outcome.correct for outcome in outcomes)
    console.print(
        f"{len(outcomes)} classified, {correct} correct, {rows} rows in PostgreSQL, {objects} objects in the archive, "
        f"{left} messages left in queues and DLQs."
    )
    return rows == objects == len(outcomes) and left == 0


def _rows(stack: Stack) -> int:
    with pg8000.native.Connection(**stack.database()) as connection:
        return int(connection.run("SELECT count(*) FROM predictions WHERE status = 'recorded'")[0][0])


def _objects(stack: Stack) -> int:
    pages = stack.archive().get_paginator("list_objects_v2").paginate(Bucket=parts.ARCHIVE_BUCKET)
    return sum(page["KeyCount"] for page in pages)


def _messages_left(stack: Stack) -> int:
    sqs = stack.aws("sqs")
    deadline = time.monotonic() + EMPTY_SECONDS
    while True:
        left = sum(aws.queue_depths(sqs).values())
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.2)
