"""What PostgreSQL itself refuses, whatever statement a function sends."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pg8000.native
import pytest

from localstack.stack import Stack

LogIn = Callable[[str], Any]
ROW = """INSERT INTO predictions (uid, user_uid, image_path, content_type, status, reason, top_classes, model_version,
    created_at) VALUES (:uid, :user_uid, :path, 'image/jpeg', 'failed', 'x', '[]', 'v1', now())"""


@pytest.fixture
def logged_in(stack: Stack) -> LogIn:
    """Logs in as a function does: with its own secret."""

    @contextmanager
    def log_in(function: str) -> Iterator[pg8000.native.Connection]:
        secret = stack.variables(function)["DATABASE_SECRET"]
        login = json.loads(stack.aws("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
        at = stack.database() | {"user": login["username"], "password": login["password"]}
        with pg8000.native.Connection(**at) as connection:
            yield connection

    return log_in


@pytest.fixture
def rows(logged_in: LogIn) -> dict[str, uuid.UUID]:
    """A record of each of two users, by the user's id."""
    made = {str(uuid.uuid4()): uuid.uuid4() for _ in range(2)}
    with logged_in("ArchiveEventsFunction") as recorder:
        for user_uid, uid in made.items():
            recorder.run(ROW, uid=uid, user_uid=user_uid, path=f"images/{user_uid}/{uid}.jpg")
    return made


def test_who_asks_for_nobody_reaches_no_record(logged_in: LogIn, rows: dict[str, uuid.UUID]) -> None:
    with logged_in("ArchiveFunction") as archive:
        assert archive.run("SELECT * FROM predictions") == []
        assert archive.run("DELETE FROM predictions RETURNING uid") == []


def test_who_asks_for_a_user_reaches_no_record_of_another(logged_in: LogIn, rows: dict[str, uuid.UUID]) -> None:
    (user_uid, own), (_, others) = rows.items()
    with logged_in("ArchiveFunction") as archive:
        archive.run(f"BEGIN; SET LOCAL rottenbot.user_uid = '{user_uid}'")
        assert archive.run("SELECT uid FROM predictions") == [[own]]
        assert archive.run("UPDATE predictions SET label = 'x' RETURNING uid") == [[own]]
        assert archive.run("DELETE FROM predictions WHERE uid = :uid RETURNING uid", uid=others) == []
        assert archive.run("DELETE FROM predictions RETURNING uid") == [[own]]
        archive.run("COMMIT")
        assert archive.run("SELECT uid FROM predictions") == []


def test_a_reviewer_reads_every_record_and_changes_none(logged_in: LogIn, rows: dict[str, uuid.UUID]) -> None:
    with logged_in("ArchiveFunction") as archive:
        archive.run("BEGIN; SET LOCAL ROLE rottenbot_reviewer")
        assert {uid for (uid,) in archive.run("SELECT uid FROM predictions")} >= set(rows.values())
        with pytest.raises(pg8000.native.DatabaseError, match="permission denied"):
            archive.run("DELETE FROM predictions")


@pytest.mark.parametrize(
    ("function", "statement"),
    [
        ("ArchiveFunction", "SELECT * FROM user_accounts"),
        ("ArchiveFunction", "INSERT INTO predictions (uid) VALUES (gen_random_uuid())"),
        ("ArchiveFunction", "UPDATE predictions SET user_uid = gen_random_uuid()"),
        ("ArchiveFunction", "SELECT * FROM forgotten_users"),
        ("ArchiveFunction", "SET ROLE rottenbot_recorder"),
        ("ArchiveFunction", "ALTER TABLE predictions DISABLE ROW LEVEL SECURITY"),
        ("ArchiveEventsFunction", "SELECT * FROM user_accounts"),
        ("ArchiveEventsFunction", "DELETE FROM forgotten_users"),
        ("AuthFunction", "SELECT * FROM predictions"),
        ("AuthFunction", "SET ROLE rottenbot_reviewer"),
        ("AuthFunction", "DROP TABLE user_accounts"),
        ("AuthFunction", "SELECT rolpassword FROM pg_authid"),
    ],
)
def test_a_function_may_do_only_its_own_work(logged_in: LogIn, function: str, statement: str) -> None:
    with logged_in(function) as connection, pytest.raises(pg8000.native.DatabaseError) as error:
        connection.run(statement)
    assert error.value.args[0]["C"] == "42501"  # insufficient_privilege


def test_a_log_in_whose_password_is_replaced_gets_the_new_one(stack: Stack, logged_in: LogIn) -> None:
    with pg8000.native.Connection(**stack.database()) as owner:
        name = owner.run("SELECT rolname FROM pg_roles WHERE rolname LIKE 'rottenbot_%_auth'")[0][0]
        owner.run(f"ALTER ROLE {name} PASSWORD 'another'")
    with pytest.raises(pg8000.native.DatabaseError), logged_in("AuthFunction"):
        pass
    stack.invoke("MigrateFunction", {})
    with logged_in("AuthFunction") as auth:
        assert auth.run("SELECT 1") == [[1]]
