"""A kept connection never gives one question the answer to another, whatever ended the exchange before."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.interruptions import each_step

pytestmark = pytest.mark.usefixtures("deployed")
EDGES = [
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-23, minutes=-59))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59))),
]


def ask() -> Callable[[], object]:
    """Asks PostgreSQL something that nobody else asks, and fails when the answer is another one's."""
    from rottenbot import database

    def question() -> None:
        asked = uuid.uuid4()
        assert database.query("SELECT CAST(:asked AS uuid) AS answered", asked=asked) == [{"answered": asked}]

    return question


@pytest.mark.parametrize("edge", EDGES, ids=["last", "first"])
def test_a_value_that_cannot_be_sent_to_postgres_spoils_no_later_answer(edge: datetime) -> None:
    from rottenbot import database

    question = ask()
    question()
    for _ in range(3):
        with pytest.raises(OverflowError):
            database.query("SELECT CAST(:edge AS timestamptz) AS edge", edge=edge)
        question()


def test_an_exchange_with_postgres_that_is_cut_at_any_step_spoils_no_later_answer() -> None:
    from pg8000 import core, native

    from rottenbot import database

    question = ask()
    question()

    def cut() -> None:
        database.query("SELECT CAST(:cut AS timestamptz) AS cut", cut=datetime.now(UTC))

    steps = 0
    for steps in each_step(cut, core, native, database):  # noqa: B007
        question()
    assert steps > 200
