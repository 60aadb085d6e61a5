import base64
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rottenbot import secrets, settings
from rottenbot.pages import Cursor, InvalidCursorError
from rottenbot.times import in_utc

CURSOR = Cursor(datetime(2026, 1, 2, 3, 4, 5, 6, UTC), uuid.uuid4())


@pytest.fixture(scope="module", autouse=True)
def _key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "cursors", lambda: settings.Cursors(cursor_key_secret="cursors"))
        patch.setattr(secrets, "read_text", lambda name: f"the value of {name}")
        yield


def test_a_cursor_comes_back_as_it_was_and_fits_into_a_query() -> None:
    text = CURSOR.encode("a list")
    assert Cursor.decode(text, "a list") == CURSOR
    assert len(text) <= 200


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidCursorError):
        Cursor.decode(CURSOR.encode("predictions of one"), "predictions of another")


def test_a_cursor_that_was_changed_anywhere_is_refused() -> None:
    decoded = base64.urlsafe_b64decode(CURSOR.encode("a list"))
    for place in range(len(decoded)):
        changed = bytearray(decoded)
        changed[place] ^= 1
        with pytest.raises(InvalidCursorError):
            Cursor.decode(base64.urlsafe_b64encode(changed).decode(), "a list")


@given(st.text() | st.binary().map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_what_nobody_made_is_refused(text: str) -> None:
    if not text:
        assert Cursor.decode(text, "a list") is None
    else:
        with pytest.raises(InvalidCursorError):
            Cursor.decode(text, "a list")


@given(st.datetimes(timezones=st.timezones() | st.none()))
def test_a_moment_is_in_utc_or_refused(moment: datetime) -> None:
    try:
        assert in_utc(moment).tzinfo is UTC
    except ValueError:
        assert moment.year in (1, 9999)
