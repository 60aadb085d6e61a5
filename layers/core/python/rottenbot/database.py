"""PostgreSQL through pg8000: one connection per execution environment, every statement its own transaction."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from rottenbot import secrets, settings, telemetry
from rottenbot.kept import Kept
from rottenbot.pairing import require_same
from rottenbot.problems import UnavailableError

if TYPE_CHECKING:
    import pg8000.native

Row = dict[str, Any]
# SQLSTATEs that say nothing of the statement: connection exception; read-only after a failover; transaction rolled
# back; out of connections, memory or disk; shut down or cannot connect now.
UNAVAILABLE: Final = ("08", "25006", "40", "53", "57P")
WRONG_PASSWORD = "28P01"
UNIQUE_VIOLATION = "23505"
AS_REVIEWER: Final = "SET LOCAL ROLE rottenbot_reviewer"  # the scope of a statement that may read everybody's rows
NOTHING: Final[Mapping[str, object]] = {}
# The roots rds-ca-rsa2048-g1 of Amazon RDS, one per region (docs.aws.amazon.com, "Using SSL/TLS to encrypt a
# connection to a DB instance"); no public authority has signed them.
RDS_AUTHORITIES: Final = Path(__file__).with_name("rds-ca.pem")


class DuplicateError(Exception):
    """The row would break a unique constraint."""


def query(sql: str, *, expected: Mapping[str, object] = NOTHING, scope: str = "", **parameters: object) -> list[Row]:
    """Run one statement with named parameters (`:name`) and return its rows as dictionaries.

    `expected` are columns that must have these values in every row: whose it is, and which one. `scope` is what the
    statement may reach (see `as_user` and `AS_REVIEWER`), without which it is what the login may.

    What PostgreSQL cannot do at the moment (the connection was dropped, say) is tried once more on a new connection, so
    a statement must be safe to repeat. Raises DuplicateError for a broken unique constraint, UnavailableError when that
    fails too, and MismatchError for a row that was not asked for. A connection is kept only after an exchange that
    ended well; whatever else ends one closes it.
    """
    import pg8000.native

    for last_try in (not _kept.is_open, True):
        try:
            return _run(sql, expected, scope, parameters)
        except pg8000.native.DatabaseError as error:
            state = _state(error)
            if state == UNIQUE_VIOLATION:
                raise DuplicateError from error
            if not state.startswith(UNAVAILABLE):
                raise
            failure: Exception = error
        except (pg8000.native.InterfaceError, OSError) as error:
            failure = error
        if last_try:
            break
    raise UnavailableError("The database cannot be reached right now. Please try again later.") from failure


def as_user(user_uid: UUID) -> str:
    """The scope of a statement that may reach the rows of one user alone."""
    return f"SET LOCAL rottenbot.user_uid = '{user_uid}'"


def check() -> None:
    """One exchange with PostgreSQL. Raises UnavailableError."""
    query("SELECT 1")


def login() -> dict[str, Any]:
    """What pg8000 needs to connect: where PostgreSQL is, who we are, and whether the connection is encrypted."""
    config = settings.database()
    secret = secrets.read(config.database_secret)
    return {
        "user": secret["username"],
        "password": secret["password"],
        "host": config.database_host,
        "port": config.database_port,
        "database": config.database_name,
        "ssl_context": _encryption() if config.database_tls else None,
    }


def _run(sql: str, expected: Mapping[str, object], scope: str, parameters: dict[str, object]) -> list[Row]:
    described = {"db.system.name": "postgresql", "db.operation.name": sql.split()[0], "db.query.text": sql}
    with _kept.exclusive() as connection, telemetry.span(f"sql {sql.split()[0]}", described, "client"):
        if scope:
            connection.run(f"BEGIN; {scope}")
        answer = connection.run(sql, **parameters) or []
        columns = [column["name"] for column in connection.columns or []]
        rows = [dict(zip(columns, row, strict=True)) for row in answer]
        for row in rows:
            require_same("postgresql", expected, {name: row[name] for name in expected})
        if scope:
            connection.run("COMMIT")
        return rows


def _connect() -> "pg8000.native.Connection":
    import pg8000.native

    timeout = settings.database().database_timeout_seconds
    try:
        return pg8000.native.Connection(**login(), timeout=timeout, application_name="rottenbot")
    except pg8000.native.DatabaseError as error:
        if _state(error) != WRONG_PASSWORD:
            raise
    secrets.forget()  # the password was replaced since it was read
    return pg8000.native.Connection(**login(), timeout=timeout, application_name="rottenbot")


def _encryption() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(RDS_AUTHORITIES)
    return context


def _state(error: Exception) -> str:
    return str(error.args[0].get("C", "")) if error.args and isinstance(error.args[0], dict) else ""


def _close(connection: "pg8000.native.Connection") -> None:
    import pg8000.native

    try:
        connection.close()
    except (pg8000.native.InterfaceError, OSError):
        pass  # it was broken already


_kept = Kept(_connect, _close)
