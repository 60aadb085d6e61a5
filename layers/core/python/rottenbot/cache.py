"""Redis, where log-ins live. Heavy to import, so the client is made when first needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, cast

from rottenbot import settings, telemetry
from rottenbot.kept import Kept
from rottenbot.pairing import require_same
from rottenbot.problems import UnavailableError
from rottenbot.tokens import InvalidTokenError, Token

if TYPE_CHECKING:
    import redis

SESSION_KEY: Final = "session:{family}"
USER: Final = "user"


def require_session(token: Token) -> None:
    """Check that the log-in which a token descends from was not ended, and is its user's.

    Raises InvalidTokenError when it was ended, UnavailableError when Redis does not answer: nobody is let in unchecked.
    """
    with exchange() as client:
        user = cast("str | None", client.hget(session_key(token.family), USER))
        if user is not None:
            require_same("redis", str(token.user_uid), user)
    if user is None:
        raise InvalidTokenError("The token was revoked. Please log in again.")


def session_key(family: str) -> str:
    """The Redis key of the hash whose existence keeps every token of one log-in valid; its `user` is whose it is."""
    return SESSION_KEY.format(family=family)


def check() -> None:
    """One exchange with Redis. Raises UnavailableError."""
    with exchange() as client:
        client.ping()


@contextmanager
def exchange() -> Iterator["redis.Redis"]:
    """The client for one exchange with Redis, which is kept if that ends well. A Redis that fails or does not answer
    becomes UnavailableError."""
    import redis

    try:
        with _kept.exclusive() as client, telemetry.span("redis", {"db.system.name": "redis"}, "client"):
            yield client
    except redis.RedisError as error:
        raise UnavailableError("Sessions cannot be checked right now. Please try again later.") from error


def warm() -> None:
    """Make the client, without connecting it."""
    with _kept.exclusive():
        pass


def _client() -> "redis.Redis":
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    config = settings.redis()
    return redis.Redis.from_url(
        config.redis_url,
        decode_responses=True,
        socket_timeout=config.redis_timeout_seconds,
        socket_connect_timeout=config.redis_timeout_seconds,
        retry=Retry(NoBackoff(), 1),
    )


def _close(client: "redis.Redis") -> None:
    client.close()


_kept = Kept(_client, _close)
