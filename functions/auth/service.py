"""Signing up, logging in, staying logged in, logging out."""

import unicodedata
import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from functions.auth import attempts, keys, store
from functions.auth.models import LoggedIn, LogIn, SignUp, TokenPair, User, UserPage
from rottenbot import settings, telemetry, tokens
from rottenbot.pages import Cursor, next_cursor

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 iterations, 1 degree of parallelism.
MEMORY_KIB: Final = 19 * 1024
ITERATIONS: Final = 2
COMMONEST_PASSWORDS: Final = 10_000
USERS: Final = "users"


class InvalidCredentialsError(Exception):
    """No account has this email and password."""


class WeakPasswordError(Exception):
    """The password is one of those that attackers try first."""


class TooManyAttemptsError(Exception):
    """The account or the address has to wait; `retry_after` says how many seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many attempts. Please try again in {retry_after} seconds.")
        self.retry_after = retry_after


def sign_up(request: SignUp, address: str) -> User:
    """Create an account. Raises WeakPasswordError, EmailTakenError, TooManyAttemptsError."""
    _limit(settings.attempts().attempts_per_address, "address", attempts.network(address))
    if unicodedata.normalize("NFKC", request.password).lower() in _common_passwords():
        raise WeakPasswordError("This password is too common. Please choose another one.")
    with telemetry.span("hash_password"):
        password_hash = _passwords().hasher.hash(request.password)
    return store.add_user(uuid.uuid4(), request.email, request.first_name, request.last_name, password_hash)


def log_in(request: LogIn, address: str) -> LoggedIn:
    """Start a session. Raises InvalidCredentialsError, after the same work whether or not the account exists, and
    TooManyAttemptsError."""
    _admit(request.email, address)
    user = _check_password(request)
    attempts.forgive(request.email, address)
    attempts.remember(request.email, address)
    family = uuid.uuid4().hex
    refresh_jti = uuid.uuid4().hex
    store.start_session(user.uid, family, refresh_jti)
    pair = _token_pair(user, family, refresh_jti)
    return LoggedIn(access_token=pair.access_token, refresh_token=pair.refresh_token, user=user)


def refresh(shown: tokens.Token) -> TokenPair:
    """Replace a refresh token. One that was replaced before ends its whole log-in: it may have been stolen. Raises
    InvalidTokenError."""
    user = current_user(shown)
    valid_jti = store.rotate_session(shown.family, shown.user_uid, shown.jti, uuid.uuid4().hex)
    if valid_jti is None:
        raise tokens.InvalidTokenError("The token was revoked. Please log in again.")
    return _token_pair(user, shown.family, valid_jti)


def log_out(token: tokens.Token) -> None:
    """End the log-in that a token descends from."""
    store.end_session(token.family, token.user_uid)


def forget(token: tokens.Token) -> None:
    """Remove the account of a token with everything that belongs to it, and end all its log-ins.

    The photos go first, within moments: whoever is not answered can ask again while the log-in lasts.
    """
    store.ask_to_forget_photos(token.user_uid)
    if user := store.find_user(token.user_uid):  # else it is asked for once more
        attempts.forget(user.email)
    store.remove_user(token.user_uid)
    store.end_sessions(token.user_uid)
    store.end_session(token.family, token.user_uid)  # which may be older than the list of sessions


def current_user(token: tokens.Token) -> User:
    """The account of a token. Raises InvalidTokenError when it no longer exists."""
    user = store.find_user(token.user_uid)
    if user is None:
        raise tokens.InvalidTokenError("The account no longer exists.")
    return user


def users(limit: int, cursor: str | None) -> UserPage:
    """Everybody's accounts, newest first. Raises InvalidCursorError."""
    rows = store.users(limit + 1, Cursor.decode(cursor, USERS))
    return UserPage(users=rows[:limit], next_cursor=next_cursor(rows, limit, USERS))


def warm() -> None:
    """Make what the first request would otherwise have to wait for."""
    _passwords()
    keys.signing_key()


def _check_password(request: LogIn) -> User:
    passwords = _passwords()
    found = store.find_login(request.email)
    password_hash = found[1] if found else passwords.nobodys_hash
    composed = unicodedata.normalize("NFC", request.password)
    verified = _verifies(password_hash, composed)
    was_hashed_as_typed = not verified and composed != request.password and _verifies(password_hash, request.password)
    if found is None or not (verified or was_hashed_as_typed):
        telemetry.count("login_failures")
        raise InvalidCredentialsError("Invalid email or password")
    user = found[0]
    if was_hashed_as_typed or passwords.hasher.check_needs_rehash(password_hash):
        store.set_password_hash(user.uid, passwords.hasher.hash(composed))
    return user


def _verifies(password_hash: str, password: str) -> bool:
    import argon2

    try:
        with telemetry.span("verify_password"):
            return _passwords().hasher.verify(password_hash, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def _admit(account: str, address: str) -> None:
    # Who has logged in from here before does not wait for those who try the account from anywhere else.
    limits, network = settings.attempts(), attempts.network(address)
    _limit(limits.attempts_per_account, "pair", account, network)
    tried, _ = attempts.count("account", account)
    if tried > limits.attempts_per_account and not attempts.is_known(account, address):
        seconds = attempts.wait(account, address)
        if seconds:
            attempts.give_back("pair", account, network)
            raise TooManyAttemptsError(seconds)
    _limit(limits.attempts_per_address, "address", network)


def _limit(most: int, scope: str, *who: str) -> None:
    count, seconds = attempts.count(scope, *who)
    if count > most:
        raise TooManyAttemptsError(seconds)


def _token_pair(user: User, family: str, refresh_jti: str) -> TokenPair:
    key = keys.signing_key()
    return TokenPair(
        access_token=tokens.sign("access", tokens.Token(user.uid, uuid.uuid4().hex, family, user.role), key),
        refresh_token=tokens.sign("refresh", tokens.Token(user.uid, refresh_jti, family), key),
    )


@dataclass(frozen=True)
class _Passwords:
    hasher: "PasswordHasher"
    nobodys_hash: str


@cache
def _passwords() -> _Passwords:
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=ITERATIONS, memory_cost=MEMORY_KIB, parallelism=1)
    return _Passwords(hasher, hasher.hash(uuid.uuid4().hex))


@cache
def _common_passwords() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"][:COMMONEST_PASSWORDS])
