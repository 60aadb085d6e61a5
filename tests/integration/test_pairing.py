"""A kept connection never gives one question the answer to another, whatever ended the exchange before."""

import http.client
import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from types import ModuleType

import pytest

from localstack.status.received import Received
from localstack.status.server import serving
from tests.interruptions import each_step

# An interruption in a finaliser goes nowhere, which pytest would warn of.
pytestmark = [
    pytest.mark.usefixtures("deployed"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
EDGES = [
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-23, minutes=-59))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59))),
]
Question = Callable[[], object]


def ask_postgres() -> None:
    from rottenbot import database

    asked = uuid.uuid4()
    assert database.query("SELECT CAST(:asked AS uuid) AS answered", asked=asked) == [{"answered": asked}]


def ask_postgres_as_a_user() -> None:
    from rottenbot import database

    user_uid = uuid.uuid4()
    sql = "SELECT current_setting('rottenbot.user_uid') AS asking"
    assert database.query(sql, scope=database.as_user(user_uid)) == [{"asking": str(user_uid)}]


def ask_redis() -> None:
    from rottenbot import cache

    asked = secrets.token_hex(8)
    with cache.exchange() as client:
        assert client.echo(asked) == asked


@pytest.fixture
def ask_s3() -> Iterator[Question]:
    from rottenbot import storage
    from rottenbot.storage import StoredObject

    keys = [f"pairing/{uuid.uuid4()}" for _ in range(3)]
    bucket = storage.events()
    for key in keys:
        bucket.put(key, StoredObject(key.encode(), "text/plain", {}))

    def ask() -> None:
        for key in keys:
            assert bucket.get(key).data == key.encode()

    yield ask
    for key in keys:
        bucket.delete(key)


def steps(cut: Question, ask: Question, *modules: ModuleType) -> int:
    """How many times an exchange was cut at another line, and what was asked next got its own answer."""
    ask()
    count = 0
    for count in each_step(cut, *modules):  # noqa: B007
        ask()
    return count


@pytest.mark.parametrize("edge", EDGES, ids=["last", "first"])
def test_a_value_that_cannot_be_sent_to_postgres_spoils_no_later_answer(edge: datetime) -> None:
    from rottenbot import database

    ask_postgres()
    for _ in range(3):
        with pytest.raises(OverflowError):
            database.query("SELECT CAST(:edge AS timestamptz) AS edge", edge=edge)
        ask_postgres()


@pytest.mark.parametrize("ask", [ask_postgres, ask_postgres_as_a_user])
def test_an_exchange_with_postgres_that_is_cut_at_any_step_spoils_no_later_answer(ask: Question) -> None:
    from pg8000 import core, native

    from rottenbot import database, kept

    def cut() -> None:
        sql = "SELECT CAST(:cut AS timestamptz) AS cut"
        database.query(sql, scope=database.as_user(uuid.uuid4()), cut=datetime.now(UTC))

    assert steps(cut, ask, core, native, database, kept) > 200


def test_an_exchange_with_redis_that_is_cut_at_any_step_spoils_no_later_answer() -> None:
    from redis import client, connection, retry
    from redis._parsers import hiredis

    from rottenbot import cache, kept

    def cut() -> None:
        with cache.exchange() as redis:
            redis.echo("cut")

    assert steps(cut, ask_redis, client, connection, retry, hiredis, cache, kept) > 50


def test_a_pipeline_of_redis_that_is_cut_at_any_step_spoils_no_later_answer() -> None:
    from redis import client, connection, retry
    from redis._parsers import hiredis

    from rottenbot import cache, kept

    def cut() -> None:
        with cache.exchange() as redis, redis.pipeline(transaction=False) as both:
            both.echo("cut")
            both.echo("short")
            both.execute()

    assert steps(cut, ask_redis, client, connection, retry, hiredis, cache, kept) > 50


def test_an_exchange_with_s3_that_is_cut_at_any_step_spoils_no_later_answer(ask_s3: Question) -> None:
    from botocore import httpsession
    from botocore import response as botocore_response
    from urllib3 import connection, connectionpool, response

    from rottenbot import storage

    def cut() -> None:
        storage.events().keys("pairing/")

    modules = (httpsession, botocore_response, connection, connectionpool, response, http.client)
    assert steps(cut, ask_s3, *modules) > 200


def test_sending_telemetry_that_is_cut_at_any_step_loses_no_later_span() -> None:
    from rottenbot import kept, otlp

    received = Received()
    with serving(received, {}) as url:
        exporter = otlp.Exporter(url, "pairing", 1)
        told: list[str] = []

        def tell(name: str) -> None:
            with exporter.span(name, {}, "internal"):
                exporter.count("told", 1, {})
            exporter.flush()

        def ask() -> None:
            told.append(secrets.token_hex(8))
            tell(told[-1])
            assert exporter._paused_until == 0

        assert steps(lambda: tell("cut"), ask, otlp, kept, http.client) > 200
    assert set(told) <= {span.name for span in received.spans}


def test_a_connection_that_is_an_answer_behind_shows_nobody_the_record_of_another() -> None:
    from functions.archive import store
    from functions.auth import store as accounts
    from rottenbot import database
    from rottenbot.pairing import MismatchError
    from rottenbot.photos import PhotoKey, RankedClass, Result
    from rottenbot.storage import StoredObject

    owners = [accounts.add_user(uuid.uuid4(), f"{uuid.uuid4()}@example.com", "A", "B", "x").uid for _ in range(2)]
    photos = [uuid.uuid4() for _ in owners]
    for owner, photo in zip(owners, photos, strict=True):
        result = Result("v1", datetime.now(UTC), (RankedClass(2, "Banana__Healthy", 0.5),))
        store.record(PhotoKey(owner, photo, "jpg"), StoredObject(b"x", "image/jpeg", {}), result)
    refused = 0
    for _ in range(20):
        ask_postgres()
        kept = database._kept._connection
        assert kept is not None
        with pytest.raises(OverflowError):
            kept.run("SELECT CAST(:edge AS timestamptz) AS edge", edge=EDGES[0])
        for owner, photo in zip(owners, photos, strict=True):
            try:
                user, record = accounts.find_user(owner), store.find(photo, owner)
                assert user is None or user.uid == owner
                assert record is None or (record.uid, record.user_uid) == (photo, owner)
            except (MismatchError, KeyError, AttributeError):  # the driver, too, may find the answer odd
                refused += 1
    assert refused


def test_a_session_of_somebody_else_lets_nobody_in() -> None:
    from functions.auth import store
    from rottenbot import cache
    from rottenbot.pairing import MismatchError
    from rottenbot.tokens import Token

    owner, stranger, family = uuid.uuid4(), uuid.uuid4(), secrets.token_hex(16)
    store.start_session(owner, family, "first")
    with pytest.raises(MismatchError):
        cache.require_session(Token(stranger, "x", family))
    with pytest.raises(MismatchError):
        store.rotate_session(family, stranger, "first", "second")
    store.end_session(family, stranger)
    cache.require_session(Token(owner, "x", family))


def test_an_address_is_given_only_of_a_photo_of_the_record() -> None:
    from functions.archive import store
    from rottenbot.pairing import MismatchError

    uid, user_uid = uuid.uuid4(), uuid.uuid4()
    for path in (f"images/{uuid.uuid4()}/{uid}.jpg", f"images/{user_uid}/{uuid.uuid4()}.jpg"):
        with pytest.raises(MismatchError):
            store.forget_image(uid, user_uid, path)
