"""Reading a labelled folder of photos, and splitting it so that pictures of one photo never stand on both sides."""

import csv
import hashlib
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Subset = Literal["train", "val", "test"]
SHARES: Final[dict[Subset, float]] = {"test": 0.2, "val": 0.1, "train": 0.7}


class DatasetError(ValueError):
    """The folder cannot be trained on; the message says why in a sentence."""


@dataclass(frozen=True)
class Photo:
    path: Path
    label: str
    group: str
    licensed: bool = False


def read(folder: Path) -> list[Photo]:
    """List the photos of a data set: by its `manifest.csv` (columns path, class, group), else by its class folders.

    Without a manifest every file is a group of its own. Raises DatasetError when there is nothing to train on.
    """
    if not folder.is_dir():
        raise DatasetError(f"There is no data set folder {folder}.")
    manifest = folder / "manifest.csv"
    photos = list(_from_manifest(manifest) if manifest.exists() else _from_class_folders(folder))
    if missing := [photo.path for photo in photos if not photo.path.is_file()]:
        raise DatasetError(f"{len(missing)} photos are listed but not there, the first is {missing[0]}.")
    if len({photo.label for photo in photos}) < 2:
        raise DatasetError(f"{folder} holds fewer than two classes with photos.")
    return photos


def split(photos: list[Photo], seed: int) -> dict[Subset, list[Photo]]:
    """Share out whole groups within each class, 70 % train, 10 % val, 20 % test; the same seed gives the same split.

    Where a class has photos under a licence, one of their groups goes to the test photos, so that the samples which
    the project ships are photos that the model never saw.
    """
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[photo.group].append(photo)
    by_class: dict[str, list[str]] = defaultdict(list)
    for group, members in sorted(groups.items()):
        by_class[min(photo.label for photo in members)].append(group)

    subsets: dict[Subset, list[Photo]] = {"train": [], "val": [], "test": []}
    for label, names in sorted(by_class.items()):
        random.Random(f"{seed}:{label}").shuffle(names)
        shown = next((name for name in names if all(photo.licensed for photo in groups[name])), names[0])
        names.sort(key=lambda name: name != shown)
        for subset, chosen in _share_out(names):
            subsets[subset] += [photo for name in chosen for photo in groups[name]]
    return subsets


def fingerprint(photos: list[Photo]) -> str:
    """A SHA-256 over labels, groups and the bytes of every photo: equal when and only when the data is."""
    digest = hashlib.sha256()
    for photo in sorted(photos, key=lambda photo: str(photo.path)):
        digest.update(f"{photo.label}\0{photo.group}\0".encode())
        digest.update(hashlib.sha256(photo.path.read_bytes()).digest())
    return digest.hexdigest()


def _from_manifest(manifest: Path) -> Iterator[Photo]:
    with manifest.open(newline="") as lines:
        for row in csv.DictReader(lines):
            yield Photo(manifest.parent / row["path"], row["class"], row["group"], bool(row.get("licence")))


def _from_class_folders(folder: Path) -> Iterator[Photo]:
    for path in sorted(folder.glob("*__*/*")):
        if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}:
            yield Photo(path, path.parent.name, str(path))


def _share_out(names: list[str]) -> Iterator[tuple[Subset, list[str]]]:
    tests = max(1, round(len(names) * SHARES["test"]))
    vals = max(1, round(len(names) * SHARES["val"]))
    yield "test", names[:tests]
    yield "val", names[tests : tests + vals]
    yield "train", names[tests + vals :]
