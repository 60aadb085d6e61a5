import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.predict.images import EXTENSIONS
from localstack.settings import ROOT
from rottenbot.photos import (
    CLASSES,
    NO_TYPE,
    ForeignKeyError,
    InvalidResultError,
    PhotoKey,
    RankedClass,
    Result,
    forget_key,
    user_to_forget,
)

KEY = PhotoKey(uuid.uuid4(), uuid.uuid4(), "jpg")


def fields(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Objects that have some of the fields of a result, with anything in them, but for a model."""
    names = ["created_at", "top", "recognised", "reason", "confidence"]
    return st.dictionaries(st.sampled_from(names), inner)


def test_a_key_survives_its_way_through_the_buckets() -> None:
    assert PhotoKey.parse(KEY.at("uploads")) == KEY
    assert PhotoKey.parse(KEY.at("classified")) == KEY


@pytest.mark.parametrize("extension", [*EXTENSIONS.values(), NO_TYPE])
def test_every_kind_of_photo_has_a_key(extension: str) -> None:
    key = PhotoKey(uuid.uuid4(), uuid.uuid4(), extension)
    assert PhotoKey.parse(key.at("uploads")) == PhotoKey.parse(key.at("classified")) == key


@pytest.mark.parametrize("key", ["forget/", f"forget/{'-' * 36}", f"forget/{KEY.user_uid}/", f"uploads/{KEY.user_uid}"])
def test_only_a_users_own_key_has_them_forgotten(key: str) -> None:
    assert user_to_forget(key) is None
    assert user_to_forget(forget_key(KEY.user_uid)) == KEY.user_uid


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | fields(inner)))
def test_no_metadata_cause_another_error_than_that_they_are_no_result(document: object) -> None:
    for metadata in ({}, {"result": json.dumps(document)}, {"result": str(document)}):
        with pytest.raises(InvalidResultError):
            Result.from_metadata(metadata)


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
