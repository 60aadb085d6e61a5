import json
import uuid
from datetime import UTC, datetime

import pytest

from localstack.settings import ROOT
from rottenbot.photos import CLASSES, ForeignKeyError, PhotoKey, RankedClass, Result

KEY = PhotoKey(uuid.uuid4(), uuid.uuid4(), "jpg")


def test_a_key_survives_its_way_through_the_buckets() -> None:
    assert PhotoKey.parse(KEY.at("uploads")) == KEY
    assert PhotoKey.parse(KEY.at("classified")) == KEY


@pytest.mark.parametrize(
    "key",
    [
        "",
        "uploads/",
        "uploads/photo.jpg",
        f"images/{KEY.name}",
        f"uploads/{KEY.name}.exe",
        f"uploads/../{KEY.name}",
        f"uploads/{KEY.user_uid}/{'-' * 36}.jpg",
        f"uploads/{KEY.name}\n",
    ],
)
def test_refuses_keys_that_this_system_did_not_make(key: str) -> None:
    with pytest.raises(ForeignKeyError):
        PhotoKey.parse(key)


@pytest.mark.parametrize(
    "result",
    [
        Result(
            "v1", datetime.now(UTC), (RankedClass(3, "Banana__Rotten", 0.123456789), RankedClass(4, "é", 0.1)), False
        ),
        Result("v1", datetime.now(UTC), reason="The file is not a readable image."),
    ],
)
def test_a_result_survives_object_metadata(result: Result) -> None:
    metadata = result.to_metadata()
    assert Result.from_metadata(metadata) == result
    assert all(value.isascii() and len(value) < 2000 for value in metadata.values())


def test_the_classes_are_those_of_the_model() -> None:
    assert list(CLASSES) == json.loads((ROOT / "functions/predict/model/labels.json").read_text())


def test_a_result_that_was_written_before_photos_could_be_unrecognised_is_read() -> None:
    document = json.loads(
        Result("v1", datetime.now(UTC), (RankedClass(3, "Banana__Rotten", 0.5),)).to_metadata()["result"]
    )
    del document["recognised"]
    assert Result.from_metadata({"result": json.dumps(document)}).recognised is None
