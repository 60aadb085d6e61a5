"""Users in PostgreSQL; log-ins and attempts in Redis."""

import hashlib
import time
from functools import cache as cached
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from functions.auth.models import User
from rottenbot import cache, database, pages, settings, storage, telemetry
from rottenbot.pages import Cursor
from rottenbot.photos import forget_key
from rottenbot.storage import StoredObject

if TYPE_CHECKING:
    from redis.commands.core import Script

SESSIONS_KEY: Final = "sessions:{user_uid}"
COLUMNS: Final = "uid, email, first_name, last_name, role, created_at, updated_at"

# KEYS: the session. ARGV: the refresh token that was shown, its successor, now, grace and life in seconds.
# Returns the id of the refresh token that is valid from now on, or nothing when the whole log-in was ended.
ROTATE: Final = """
local session = redis.call('HMGET', KEYS[1], 'current', 'previous', 'rotated')
if not session[1] then
  return false
end
if session[1] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'current', ARGV[2], 'previous', ARGV[1], 'rotated', ARGV[3])
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  return ARGV[2]
end
if session[2] == ARGV[1] and tonumber(ARGV[3]) - tonumber(session[3]) <= tonumber(ARGV[4]) then
  return session[1]
end
redis.call('DEL', KEYS[1])
return false
"""

# KEYS: the counter. ARGV: its life in seconds. Returns the count with this attempt and the seconds until it restarts.
COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return {count, redis.call('TTL', KEYS[1])}
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
    rows = database.query(f"SELECT {COLUMNS}, password_hash FROM user_accounts WHERE email = :email", email=email)
    return (User.model_validate(rows[0]), rows[0]["password_hash"]) if rows else None


def find_user(uid: UUID) -> User | None:
    """The account with this id."""
    rows = database.query(f"SELECT {COLUMNS} FROM user_accounts WHERE uid = :uid", uid=uid)
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
            "UPDATE user_accounts SET role = :role, updated_at = now() WHERE email = :email RETURNING uid",
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
    with cache.answering(), cache.client().pipeline() as listed:
        listed.sadd(for_user, family)
        listed.expire(for_user, life)
        listed.execute()
    with cache.answering(), cache.client().pipeline() as begun:
        begun.hset(key, mapping={"current": refresh_jti})
        begun.expire(key, life)
        begun.execute()


def end_sessions(user_uid: UUID) -> None:
    """End every log-in of a user."""
    with cache.answering():
        families = cast("set[str]", cache.client().smembers(SESSIONS_KEY.format(user_uid=user_uid)))
    for family in families:
        end_session(family)


def rotate_session(family: str, shown_jti: str, next_jti: str) -> str | None:
    """Put the next refresh token in the place of the one that was shown, and return the id that is valid now.

    The token shown before that one still counts within the grace time, and brings the same successor. Any other ends
    the log-in, and None is returned.
    """
    config = settings.tokens()
    with cache.answering():
        valid: str | None = _script(ROTATE)(
            keys=[cache.session_key(family)],
            args=[shown_jti, next_jti, time.time(), config.refresh_grace_seconds, config.refresh_token_days * 86_400],
        )
    return valid


def end_session(family: str) -> None:
    """Make every token of a log-in invalid, everywhere and at once."""
    with cache.answering():
        cache.client().delete(cache.session_key(family))


def count_attempt(scope: str, who: str) -> tuple[int, int]:
    """Count one more attempt; returns the count in the running window and the seconds until the window ends."""
    with cache.answering():
        count, seconds = _script(COUNT)(
            keys=[_attempts_key(scope, who)], args=[settings.attempts().attempts_window_seconds]
        )
    return count, seconds


def forgive_attempt(account: str, address: str) -> None:
    """Forget the attempts on an account that has now proved who it is, and this one attempt of its address."""
    # Not one transaction: a cluster takes that only for keys that lie in the same place.
    with cache.answering(), cache.client().pipeline(transaction=False) as both:
        both.delete(_attempts_key("account", account))
        both.decr(_attempts_key("address", address))
        both.execute()


def _attempts_key(scope: str, who: str) -> str:
    return f"attempts:{scope}:{hashlib.sha256(who.encode()).hexdigest()}"


@cached
def _script(source: str) -> "Script":
    return cache.client().register_script(source)
