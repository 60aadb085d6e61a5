"""The parts of the training that need no TensorFlow."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import PHOTOS
from training import changes, config, dataset, duplicates, metrics
from training.config import Data
from training.dataset import Photo, Subsets
from training.metrics import Classes
from training.problems import TrainingError

HEALTHY, ROTTEN = "Apple__Healthy", "Apple__Rotten"
SAMPLES = sorted(PHOTOS.glob("*.jpg"))


def photos(groups: int, per_group: int, label: str = HEALTHY) -> list[Photo]:
    names = [(f"{label}-{group}", f"{label}/{group}-{one}.jpg") for group in range(groups) for one in range(per_group)]
    return [Photo(Path(name), name, label, group, sha256=name) for group, name in names]


def groups_of(subsets: Subsets) -> list[set[str]]:
    return [{photo.group for photo in members} for members in subsets.values()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of two classes, in which the photos show different things."""
    for number, sample in enumerate(SAMPLES[:20]):
        place = tmp_path / "data" / (HEALTHY if number % 2 else ROTTEN)
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample, place)
    return tmp_path / "data"


def test_a_group_never_stands_in_two_subsets() -> None:
    everything = photos(30, 3) + photos(10, 2, ROTTEN)
    subsets = dataset.split(everything, Data())
    train, val, test = groups_of(subsets)
    assert len(train) + len(val) + len(test) == 40
    assert not train & val | train & test | val & test
    assert sum(map(len, subsets.values())) == len(everything)


def test_a_random_split_shares_out_files_and_so_leaks() -> None:
    train, _, test = groups_of(dataset.split(photos(30, 3) + photos(10, 2, ROTTEN), Data(split="random")))
    names = {group.rsplit("-", 1)[0] for group in train}
    assert names & {group.rsplit("-", 1)[0] for group in test}


def test_every_class_is_in_every_subset() -> None:
    for members in dataset.split(photos(5, 1) + photos(5, 1, ROTTEN), Data()).values():
        assert {photo.label for photo in members} == {HEALTHY, ROTTEN}


def test_a_class_of_too_few_photos_is_said() -> None:
    with pytest.raises(TrainingError, match="The class Apple__Rotten has too few different photos"):
        dataset.split(photos(5, 1) + photos(2, 4, ROTTEN), Data())


def test_the_seed_decides_the_split() -> None:
    everything = photos(50, 1)
    assert dataset.split(everything, Data(split_seed=1)) == dataset.split(everything, Data(split_seed=1))
    assert dataset.split(everything, Data(split_seed=1)) != dataset.split(everything, Data(split_seed=2))


def test_a_licensed_photo_is_kept_for_the_test() -> None:
    licensed = Photo(Path("x.jpg"), "x.jpg", HEALTHY, "licensed", "x", licensed=True)
    assert licensed in dataset.split([*photos(50, 1), licensed], Data(split_seed=3))["test"]


def test_the_parts_of_a_cross_validation_test_every_photo_once() -> None:
    everything = photos(13, 2) + photos(11, 1, ROTTEN)
    tested = [photo for fold in range(5) for photo in dataset.split(everything, Data(fold=fold))["test"]]
    assert sorted(photo.name for photo in tested) == sorted(photo.name for photo in everything)


def test_a_written_split_is_read_back_and_has_the_same_hash_in_another_folder(tmp_path: Path) -> None:
    subsets = dataset.split(photos(10, 2) + photos(10, 1, ROTTEN), Data())
    sha256 = dataset.write_split(subsets, tmp_path / "split.csv")
    read = dataset.read_split(tmp_path / "split.csv", tmp_path)
    assert {name: len(members) for name, members in read.items()} == {
        name: len(members) for name, members in subsets.items()
    }
    assert dataset.write_split(read, tmp_path / "again.csv") == sha256


def test_reads_class_folders_and_groups_lookalikes(folder: Path) -> None:
    with Image.open(folder / ROTTEN / SAMPLES[0].name) as photo:
        photo.transpose(Image.Transpose.ROTATE_90).save(folder / ROTTEN / "turned.jpg")
    data = dataset.read(folder)
    assert data.labels == [HEALTHY, ROTTEN]
    assert not data.findings
    group = {photo.path.name: photo.group for photo in data.photos}
    assert group["turned.jpg"] == group[SAMPLES[0].name]
    assert len(set(group.values())) == 20


def test_reads_the_groups_and_licences_of_a_manifest(folder: Path) -> None:
    rows = [
        {"path": f"{path.parent.name}/{path.name}", "class": path.parent.name, "group": "one", "licence": "MIT"}
        for path in folder.glob("*/*.jpg")
    ]
    with (folder / "manifest.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    read = dataset.read(folder).photos
    assert {(photo.group, photo.licensed) for photo in read} == {("one", True)}


def broken_file(folder: Path) -> None:
    (folder / ROTTEN / "torn.jpg").write_bytes(SAMPLES[0].read_bytes()[:2000])


def tiny_file(folder: Path) -> None:
    Image.new("RGB", (20, 20)).save(folder / ROTTEN / "tiny.png")


def text_file(folder: Path) -> None:
    (folder / ROTTEN / "notes.txt").write_text("not a photo")


def repeated_file(folder: Path) -> None:
    shutil.copy(folder / ROTTEN / SAMPLES[0].name, folder / ROTTEN / "copy.jpg")


def contradicting_file(folder: Path) -> None:
    shutil.copy(folder / ROTTEN / SAMPLES[0].name, folder / HEALTHY / "copy.jpg")


@pytest.mark.parametrize(
    ("damage", "sentence", "photos_left"),
    [
        (
            broken_file,
            "Apple__Rotten/torn.jpg is left out: The photo is cut off: more than its last tenth is missing."
            " Send it again, whole.",
            20,
        ),
        (
            tiny_file,
            "Apple__Rotten/tiny.png is left out: The photo has 20 x 20 pixels; send one of at least 64 x 64.",
            20,
        ),
        (
            text_file,
            "Apple__Rotten/notes.txt is no JPEG, PNG, WebP, HEIC or AVIF file by its name; it is left out.",
            20,
        ),
        (
            repeated_file,
            "Apple__Rotten/copy.jpg is the same file as Apple__Rotten/Apple__Healthy.jpg of its class; it is left out.",
            20,
        ),
        (
            contradicting_file,
            "Apple__Rotten/Apple__Healthy.jpg is the same file as Apple__Healthy/copy.jpg of another class; "
            "both are left out.",
            19,
        ),
    ],
)
def test_a_file_that_cannot_be_trained_on_is_told_in_a_sentence(
    folder: Path, damage: Callable[[Path], None], sentence: str, photos_left: int
) -> None:
    damage(folder)
    data = dataset.read(folder)
    assert [finding.sentence for finding in data.findings] == [sentence]
    assert len(data.photos) == photos_left


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def one_class(folder: Path) -> None:
    shutil.rmtree(folder / ROTTEN)


def empty_class(folder: Path) -> None:
    (folder / "Banana__Rotten").mkdir()


def unreadable_class(folder: Path) -> None:
    (folder / "Banana__Rotten").mkdir()
    (folder / "Banana__Rotten" / "torn.jpg").write_bytes(b"no photo")


def oddly_named_class(folder: Path) -> None:
    (folder / ROTTEN).rename(folder / "Apple bad")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (no_folder, "There is no data set folder"),
        (one_class, "holds fewer than two classes of photos."),
        (empty_class, "The class Banana__Rotten has no photos."),
        (unreadable_class, "The class Banana__Rotten holds no photo that can be read."),
        (oddly_named_class, "The class Apple bad is not named Kind__Healthy or Kind__Rotten."),
    ],
)
def test_a_folder_that_cannot_be_trained_on_is_refused_in_a_sentence(
    folder: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    damage(folder)
    with pytest.raises(TrainingError, match=sentence):
        dataset.read(folder)


def test_lookalikes_are_found_however_they_are_turned_or_mirrored(tmp_path: Path) -> None:
    paths = list(SAMPLES[:6])
    with Image.open(SAMPLES[0]) as photo:
        for position in Image.Transpose:
            paths.append(tmp_path / f"{position.name}.jpg")
            photo.transpose(position).save(paths[-1], quality=60)
    groups = duplicates.groups(paths)
    assert len(set(groups[6:]) | {groups[0]}) == 1
    assert len(set(groups)) == 6


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed = ", "is not TOML"),
        ("[model]\nsize = 10", "model.size: Input should be greater than or equal to 64."),
        ("[model]\nbackbone = 'vgg'", "model.backbone: Input should be 'efficientnet_lite0'"),
        ("[augmentation]\nflipp = true", "augmentation.flipp: Extra inputs are not permitted."),
    ],
)
def test_a_wrong_configuration_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "run.toml"
    file.write_text(text)
    with pytest.raises(TrainingError, match=sentence):
        config.read(file)


@pytest.mark.parametrize("file", sorted(config.FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_every_configuration_that_comes_along_is_read(file: Path) -> None:
    assert config.read(file)


def test_a_configuration_is_written_as_it_is_read(tmp_path: Path) -> None:
    chosen = config.read(config.FOLDER / "lite0.toml")
    (tmp_path / "same.toml").write_text(config.to_toml(chosen))
    assert config.read(tmp_path / "same.toml") == chosen


def test_f1_is_that_of_the_textbook() -> None:
    truth, predicted = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2])
    assert metrics.f1_per_class(truth, predicted, 4) == pytest.approx([0.8, 0.5, 2 / 3, 0])


def test_counts_rotten_photos_called_healthy() -> None:
    classes = Classes(("Apple__Healthy", "Apple__Rotten", "Banana__Rotten"))
    scores = metrics.summary(np.array([0, 1, 1, 2]), np.array([0, 0, 2, 2]), classes)
    assert scores["rotten_called_healthy"] == pytest.approx(1 / 3)
    assert scores["state_accuracy"] == pytest.approx(0.75)
    assert scores["kind_accuracy"] == pytest.approx(0.75)


def test_an_interval_is_wider_where_photos_come_in_groups() -> None:
    right = np.random.default_rng(0).random(50) < 0.8
    alone, together = np.arange(400).astype(str), np.repeat(np.arange(50), 8).astype(str)
    widths = []
    for groups in (alone, together):
        low, high = metrics.interval(groups, lambda chosen: np.array(np.repeat(right, 8)[chosen].mean()))
        assert low < np.mean(right) < high
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def overconfident() -> tuple[np.ndarray, np.ndarray]:
    """Logits that are three times as large as their right answers deserve."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 1.5, (4000, 5))
    truth = np.array([random.choice(5, p=row) for row in metrics.probabilities(logits)])
    return 3 * logits, truth


def test_rotten_classes_are_raised_as_far_as_it_costs_no_accuracy() -> None:
    classes = Classes((HEALTHY, ROTTEN))
    truth = np.array([1, 1, 0, 0])
    logits = np.array([[0.5, 0.0], [0.0, 1.0], [1.0, 0.0], [1.1, 0.0]])  # the first is missed
    calibration = metrics.calibrate(logits, truth, classes)
    raised = calibration.apply(logits, classes)
    scores = metrics.summary(truth, raised.argmax(axis=1), classes)
    assert scores["rotten_called_healthy"] == 0
    assert scores["accuracy"] >= 3 / 4


def test_the_temperature_makes_confidence_honest() -> None:
    logits, truth = overconfident()
    temperature = metrics.fit_temperature(logits, truth)
    assert temperature == pytest.approx(3, abs=0.2)
    before = metrics.calibration_error(metrics.probabilities(logits), truth)
    after = metrics.calibration_error(metrics.probabilities(logits / temperature), truth)
    assert after < 0.03 < before


def test_auroc_is_one_where_the_scores_part_and_a_half_where_they_do_not() -> None:
    assert metrics.auroc(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1
    assert metrics.auroc(np.array([1.0, 2.0]), np.array([1.0, 2.0])) == 0.5


@pytest.fixture
def on_white() -> np.ndarray:
    """One photo of a grey disc on white whose corners are black, as a picture that was turned; with its background."""
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    image = np.full((64, 64, 3), 250, dtype=np.uint8)
    image[np.hypot(across - 32, down - 32) < 16] = 120
    image[across + down < 16] = 0
    background = changes.plain_background(image)[..., np.newaxis] * np.uint8(255)
    return np.concatenate([image, background], axis=2)[np.newaxis]


def test_what_is_white_or_black_up_to_the_border_is_background(on_white: np.ndarray) -> None:
    background = on_white[0, ..., 3] > 0
    assert (background == (on_white[0, ..., 0] != 120)).all()
    hole = on_white[0, ..., :3].copy()
    hole[32, 32] = 255
    assert not changes.plain_background(hole)[32, 32]


def test_only_the_background_is_replaced(on_white: np.ndarray) -> None:
    changed = changes.shortcuts()["background replaced"](on_white)
    kept = (changed == on_white)[..., :3].all(axis=3)
    assert kept[on_white[..., 3] == 0].all()
    assert kept[on_white[..., 3] > 0].mean() < 0.01


def test_black_corners_get_the_colour_beside_them(on_white: np.ndarray) -> None:
    changed = changes.shortcuts()["black corners filled"](on_white)
    assert changed[..., :3].min() == 120
    assert (changed[0, :2, :2, :3] == 250).all()


def test_a_worse_photo_stays_a_photo(on_white: np.ndarray) -> None:
    for change in (changes.robustness() | changes.shortcuts()).values():
        changed = change(on_white)
        assert changed.shape == on_white.shape
        assert changed.dtype == np.uint8
        assert (changed != on_white).any()
