from pathlib import Path

import numpy as np
import pytest

from training import dataset, metrics
from training.dataset import Photo


def photos(groups: int, per_group: int, label: str = "Apple__Healthy") -> list[Photo]:
    return [Photo(Path(f"{label}/{g}-{i}.jpg"), label, f"{label}-{g}") for g in range(groups) for i in range(per_group)]


def test_a_group_never_stands_in_two_subsets() -> None:
    everything = photos(30, 3) + photos(10, 2, "Apple__Rotten")
    subsets = dataset.split(everything, seed=1)
    groups = [{photo.group for photo in members} for members in subsets.values()]
    assert sum(map(len, groups)) == 40
    assert not set.intersection(*groups)
    assert sum(map(len, subsets.values())) == len(everything)


def test_every_class_is_in_every_subset() -> None:
    subsets = dataset.split(photos(5, 1) + photos(5, 1, "Apple__Rotten"), seed=1)
    for members in subsets.values():
        assert {photo.label for photo in members} == {"Apple__Healthy", "Apple__Rotten"}


def test_the_seed_decides_the_split() -> None:
    everything = photos(50, 1)
    assert dataset.split(everything, 1) == dataset.split(everything, 1)
    assert dataset.split(everything, 1) != dataset.split(everything, 2)


def test_a_licensed_photo_is_kept_for_the_test() -> None:
    licensed = Photo(Path("x.jpg"), "Apple__Healthy", "licensed", licensed=True)
    assert licensed in dataset.split([*photos(50, 1), licensed], seed=3)["test"]


def test_reads_class_folders_without_a_manifest(tmp_path: Path) -> None:
    for name in ("Apple__Healthy/a.jpg", "Apple__Rotten/b.PNG", "Apple__Rotten/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert {photo.label for photo in dataset.read(tmp_path)} == {"Apple__Healthy", "Apple__Rotten"}
    assert len(dataset.read(tmp_path)) == 2


@pytest.mark.parametrize("files", [[], ["Apple__Healthy/a.jpg"]])
def test_refuses_a_folder_with_fewer_than_two_classes(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(dataset.DatasetError, match="fewer than two classes"):
        dataset.read(tmp_path)


def test_f1_is_that_of_the_textbook() -> None:
    truth, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2])
    assert metrics.f1_per_class(truth, predicted, 4) == pytest.approx([0.8, 0.5, 2 / 3, 0])


def test_counts_rotten_photos_called_healthy() -> None:
    labels = ["Apple__Healthy", "Apple__Rotten", "Banana__Rotten"]
    scores = metrics.summary(np.array([0, 1, 1, 2]), np.array([0, 0, 2, 2]), labels)
    assert scores["rotten_called_healthy"] == pytest.approx(1 / 3)
    assert scores["state_accuracy"] == pytest.approx(0.75)
    assert scores["kind_accuracy"] == pytest.approx(0.75)
