"""Reading a labelled folder of photos, and splitting it so that pictures of one photo never stand on both sides."""

import csv
import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from functions.predict.images import EXTENSIONS, UnreadableImageError, to_array
from training import duplicates
from training.config import Data
from training.problems import TrainingError

Subset = Literal["train", "val", "test"]
Subsets = dict[Subset, list["Photo"]]
SHARES: Final[dict[Subset, float]] = {"test": 0.2, "val": 0.1, "train": 0.7}
STATES: Final = ("Healthy", "Rotten")
PHOTO_SUFFIXES: Final = {f".{extension}" for extension in EXTENSIONS.values()} | {".jpeg"}
MIN_SIDE: Final = 64
CHECK_SIZE: Final = 32
COLUMNS: Final = ("subset", "class", "group", "sha256", "path", "licensed")


@dataclass(frozen=True)
class Photo:
    """A photo that can be trained on; `name` is its path in the data set's folder."""

    path: Path
    name: str
    label: str
    group: str
    sha256: str
    licensed: bool = False


@dataclass(frozen=True)
class Finding:
    """Something about one file that a person should know; a file that is left out stands in no split."""

    name: str
    sentence: str


@dataclass(frozen=True)
class Dataset:
    photos: list[Photo]
    findings: list[Finding]

    @property
    def labels(self) -> list[str]:
        return sorted({photo.label for photo in self.photos})

    @property
    def sha256(self) -> str:
        """Equal when and only when labels, groups and the bytes of every photo are."""
        return _digest(f"{photo.label}\t{photo.group}\t{photo.sha256}" for photo in self.photos)


@dataclass(frozen=True)
class _Listed:
    """A file as the folder or its manifest lists it, before anyone has looked into it."""

    name: str
    label: str
    group: str = ""
    licensed: bool = False


def read(folder: Path) -> Dataset:
    """Read a data set: by its `manifest.csv` (columns path, class, group), else by its class folders.

    Without a manifest, photos that look alike (see `duplicates`) form a group. Files that cannot be trained on are
    left out and told in `findings`. Raises TrainingError when the whole folder cannot be trained on.
    """
    if not folder.is_dir():
        raise TrainingError(f"There is no data set folder {folder}.")
    rows = manifest(folder)
    listed = list(_from_class_folders(folder) if rows is None else _from_manifest(rows))
    _check_classes(folder, {file.label for file in listed})
    with ThreadPoolExecutor() as threads:
        looked_at = list(threads.map(lambda file: _look(folder, file), listed))
    photos = [one for one in looked_at if isinstance(one, Photo)]
    findings = [one for one in looked_at if isinstance(one, Finding)]
    photos, repeated = _without_repeats(photos)
    if rows is None:
        groups = duplicates.groups([photo.path for photo in photos])
        photos = [replace(photo, group=f"group-{group}") for photo, group in zip(photos, groups, strict=True)]
    if empty := sorted({file.label for file in listed} - {photo.label for photo in photos}):
        raise TrainingError(f"The class {empty[0]} holds no photo that can be read.")
    return Dataset(sorted(photos, key=lambda photo: photo.name), findings + repeated)


def manifest(folder: Path) -> list[dict[str, str]] | None:
    """The rows of a data set's `manifest.csv`; None where it has none."""
    file = folder / "manifest.csv"
    if not file.exists():
        return None
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def split(photos: list[Photo], data: Data) -> Subsets:
    """Share out the photos: 70 % train, 10 % val, 20 % test of each class; the same seed gives the same split.

    Whole groups are shared out, unless the configuration asks for a random split by file. Where a class has photos
    under a licence, one of their groups goes to the test photos, so that the samples which the project ships are
    photos that the model never saw. With a fold, the test photos are that part of a cross-validation.
    """
    if data.split == "random":
        photos = [replace(photo, group=photo.name) for photo in photos]
    groups: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        groups[photo.group].append(photo)
    by_class: dict[str, list[str]] = defaultdict(list)
    for group, members in sorted(groups.items()):
        by_class[min(photo.label for photo in members)].append(group)

    subsets: Subsets = {"train": [], "val": [], "test": []}
    for label, names in sorted(by_class.items()):
        random.Random(f"{data.split_seed}:{label}").shuffle(names)
        if data.fold is None:
            shown = next((name for name in names if all(photo.licensed for photo in groups[name])), names[0])
            names.sort(key=lambda name: name != shown)
            tests = names[: max(1, round(len(names) * SHARES["test"]))]
        else:
            tests = names[data.fold :: data.folds]
        rest = [name for name in names if name not in tests]
        vals = max(1, round(len(names) * SHARES["val"]))
        parts: tuple[tuple[Subset, list[str]], ...] = (("test", tests), ("val", rest[:vals]), ("train", rest[vals:]))
        for subset, chosen in parts:
            subsets[subset] += [photo for name in chosen for photo in groups[name]]
    _check_split(subsets, {photo.label for photo in photos})
    return subsets


def write_split(subsets: Subsets, file: Path) -> str:
    """Write down which photo is in which subset. Returns the split's SHA-256, which does not depend on the folder."""
    rows = sorted(
        (subset, photo.label, photo.group, photo.sha256, photo.name, int(photo.licensed))
        for subset, photos in subsets.items()
        for photo in photos
    )
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return _digest("\t".join(row[:4]) for row in rows)


def read_split(file: Path, folder: Path) -> Subsets:
    """The subsets of a split that was written down, with the photos of `folder`."""
    if not file.is_file():
        raise TrainingError(f"There is no split {file}.")
    subsets: Subsets = {"train": [], "val": [], "test": []}
    with file.open(newline="") as lines:
        for row in csv.DictReader(lines):
            name, licensed = row["path"], row["licensed"] == "1"
            photo = Photo(folder / name, name, row["class"], row["group"], row["sha256"], licensed)
            subsets[row["subset"]].append(photo)  # type: ignore[index]
    return subsets


def write_findings(findings: list[Finding], file: Path) -> None:
    """Write every finding down, one line each."""
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(("path", "finding"))
        writer.writerows((finding.name, finding.sentence) for finding in findings)


def _from_manifest(rows: list[dict[str, str]]) -> Iterator[_Listed]:
    for row in rows:
        yield _Listed(row["path"], row["class"], row["group"], bool(row.get("licence")))


def _from_class_folders(folder: Path) -> Iterator[_Listed]:
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        files = sorted(path for path in place.rglob("*") if path.is_file() and not path.name.startswith("."))
        if not files:
            raise TrainingError(f"The class {place.name} has no photos.")
        for path in files:
            yield _Listed(str(path.relative_to(folder)), place.name)


def _check_classes(folder: Path, labels: set[str]) -> None:
    for label in sorted(labels):
        kind, _, state = label.rpartition("__")
        if not kind or state not in STATES:
            raise TrainingError(f"The class {label} is not named Kind__Healthy or Kind__Rotten.")
    if len(labels) < 2:
        raise TrainingError(f"{folder} holds fewer than two classes of photos.")


def _look(folder: Path, file: _Listed) -> Photo | Finding:
    path = folder / file.name
    if not path.is_file():
        return Finding(file.name, f"{file.name} is listed but not there; it is left out.")
    if path.suffix.lower() not in PHOTO_SUFFIXES:
        return Finding(file.name, f"{file.name} is no JPEG, PNG, WebP, HEIC or AVIF file by its name; it is left out.")
    data = path.read_bytes()
    try:
        to_array(data, CHECK_SIZE, min_side=MIN_SIDE)
    except UnreadableImageError as error:
        return Finding(file.name, f"{file.name} is left out: {error}")
    return Photo(path, file.name, file.label, file.group, hashlib.sha256(data).hexdigest(), file.licensed)


def _without_repeats(photos: list[Photo]) -> tuple[list[Photo], list[Finding]]:
    """One photo of each content, and none of a content that stands in two classes; a finding for each left out."""
    kept, findings = [], []
    same: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        same[photo.sha256].append(photo)
    for first, *others in same.values():
        contradicted = len({photo.label for photo in (first, *others)}) > 1
        if not contradicted:
            kept.append(first)
        for other in others:
            left_out = "another class; both are left out." if contradicted else "its class; it is left out."
            findings.append(Finding(other.name, f"{other.name} is the same file as {first.name} of {left_out}"))
    return kept, findings


def _check_split(subsets: Subsets, labels: set[str]) -> None:
    for subset, photos in subsets.items():
        counted = Counter(photo.label for photo in photos)
        if lacking := sorted(label for label in labels if not counted[label]):
            raise TrainingError(
                f"The class {lacking[0]} has too few different photos: none is left for the {subset} photos."
            )


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
