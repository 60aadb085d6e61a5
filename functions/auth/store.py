"""Users in PostgreSQL; log-ins in Redis."""

import time
from typing import Any, Final, cast
from uuid import UUID

from functions.auth.models import User
from rottenbot import cache, database, pages, settings, storage, telemetry
from rottenbot.pages import Cursor
from rottenbot.pairing import require_same
from rottenbot.photos import forget_key
from rottenbot.storage import StoredObject

SESSIONS_KEY: Final = "sessions:{user_uid}"
COLUMNS: Final = "uid, email, first_name, last_name, role, created_at, updated_at"

# KEYS: the session. ARGV: the refresh token that was shown, its successor, now, grace and life in seconds, the user.
# Returns whose session it is, and the id of the refresh token that is valid from now on, or nothing in its place when
# the whole log-in was ended.
ROTATE: Final = """
local session = redis.call('HMGET', KEYS[1], 'current', 'previous', 'rotated', 'user')
local current, previous, rotated, user = unpack(session)
if not current or user ~= ARGV[6] then
  return {user, false}
end
if current == ARGV[1] then
  redis.call('HSET', KEYS[1], 'current', ARGV[2], 'previous', ARGV[1], 'rotated', ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  return {user, ARGV[2]}
end
if previous == ARGV[1] and tonumber(ARGV[3]) - tonumber(rotated) <= tonumber(ARGV[4]) then
  return {user, current}
end
redis.call('DEL', KEYS[1])
return {user, false}
"""

# KEYS: the session. ARGV: the user whose it has to be.
END: Final = """
if redis.call('HGET', KEYS[1], 'user') == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
"""


class EmailTakenError(Exception):
    """Another account has this email."""


def add_user(uid: UUID, email: str, first_name: str, last_name: str, password_hash: str) -> User:
    """Create an account. Raises EmailTakenError."""
    try:
        rows = database.query(
            f"""INSERT INTO user_accounts (uid, email, first_name, last_name, password_hash)
                VALUES (:uid, :email, :first_name, :last_name, :password_hash)
                ON CONFLICT (uid) DO UPDATE SET uid = excluded.uid RETURNING {COLUMNS}""",
            expected={"uid": uid, "email": email},
            uid=uid,
            email=email,
            first_name=first_name,
            last_name=last_name,
            password_hash=password_hash,
        )
    except database.DuplicateError as error:
        raise EmailTakenError("User with email already exists.") from error
    return User.model_validate(rows[0])


def find_login(email: str) -> tuple[User, str] | None:
    """The account with this email and its password hash."""
    rows = database.query(
        f"SELECT {COLUMNS}, password_hash FROM user_accounts WHERE email = :email",
        expected={"email": email},
        email=email,
    )
    return (User.model_validate(rows[0]), rows[0]["password_hash"]) if rows else None


def find_user(uid: UUID) -> User | None:
    """The account with this id."""
    rows = database.query(f"SELECT {COLUMNS} FROM user_accounts WHERE uid = :uid", expected={"uid": uid}, uid=uid)
    return User.model_validate(rows[0]) if rows else None


def users(limit: int, after: Cursor | None) -> list[User]:
    """Accounts, newest first, from the one after `after` on."""
    rows = database.query(
        f"SELECT {COLUMNS} FROM user_accounts WHERE {pages.NEWEST_FIRST}", **pages.parameters(after, limit)
    )
    return [User.model_validate(row) for row in rows]


def set_password_hash(uid: UUID, password_hash: str) -> None:
    """Replace an account's password hash."""
    database.query(
        "UPDATE user_accounts SET password_hash = :password_hash, updated_at = now() WHERE uid = :uid",
        uid=uid,
        password_hash=password_hash,
    )


def set_role(email: str, role: str) -> bool:
    """Give an account a role, which its next access token carries; false when there is none with this email."""
    return bool(
        database.query(
            "UPDATE user_accounts SET role = :role, updated_at = now() WHERE email = :email RETURNING email",
            expected={"email": email},
            role=role,
            email=email,
        )
    )


def remove_user(uid: UUID) -> None:
    """Remove an account."""
    database.query("DELETE FROM user_accounts WHERE uid = :uid", uid=uid)


def ask_to_forget_photos(uid: UUID) -> None:
    """Have the archive remove all that it has of a user."""
    storage.events().put(forget_key(uid), StoredObject(b"", "application/octet-stream", telemetry.carrier()))


def start_session(user_uid: UUID, family: str, refresh_jti: str) -> None:
    """Remember a new log-in of a user and the one refresh token that continues it."""
    life = settings.tokens().refresh_token_days * 86_400
    for_user, key = SESSIONS_KEY.format(user_uid=user_uid), cache.session_key(family)
    # Two transactions, for a cluster takes one only for keys that lie in the same place; and listed before it begins.
    with cache.exchange() as client, client.pipeline() as listed:
        listed.sadd(for_user, family)
        listed.expire(for_user, life)
        listed.execute()
    with cache.exchange() as client, client.pipeline() as begun:
        begun.hset(key, mapping={"current": refresh_jti, cache.USER: str(user_uid)})
        begun.expire(key, life)
        begun.execute()


def end_sessions(user_uid: UUID) -> None:
    """End every log-in of a user."""
    with cache.exchange() as client:
        families = cast("set[str]", client.smembers(SESSIONS_KEY.format(user_uid=user_uid)))
    for family in families:
        end_session(family, user_uid)


def rotate_session(family: str, user_uid: UUID, shown_jti: str, next_jti: str) -> str | None:
    """Put the next refresh token in the place of the one that was shown, and return the id that is valid now.

    The token shown before that one still counts within the grace time, and brings the same successor. Any other ends
    the log-in, and None is returned.
    """
    config = settings.tokens()
    now, grace, life = time.time(), config.refresh_grace_seconds, config.refresh_token_days * 86_400
    with cache.exchange() as client:
        answer: Any = client.eval(
            ROTATE, 1, cache.session_key(family), shown_jti, next_jti, now, grace, life, str(user_uid)
        )
        user, valid = answer
        if user is not None:
            require_same("redis", str(user_uid), user)
    return str(valid) if valid is not None else None


def end_session(family: str, user_uid: UUID) -> None:
    """Make every token of a user's log-in invalid, everywhere and at once."""
    with cache.exchange() as client:
        client.eval(END, 1, cache.session_key(family), str(user_uid))
