"""Redis, where log-ins live. Heavy to import, so the client is made when first needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

from rottenbot import settings, telemetry
from rottenbot.problems import UnavailableError
from rottenbot.tokens import InvalidTokenError, Token

if TYPE_CHECKING:
    import redis

SESSION_KEY: Final = "session:{family}"


def require_session(token: Token) -> None:
    """Check that the log-in which a token descends from was not ended.

    Raises InvalidTokenError when it was, UnavailableError when Redis does not answer: nobody is let in unchecked.
    """
    with answering():
        alive = client().exists(session_key(token.family))
    if not alive:
        raise InvalidTokenError("The token was revoked. Please log in again.")


def session_key(family: str) -> str:
    """The Redis key whose existence keeps every token of one log-in valid."""
    return SESSION_KEY.format(family=family)


@cache
def client() -> "redis.Redis":
    """The connection pool to Redis, kept between invocations."""
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


@contextmanager
def answering() -> Iterator[None]:
    """Turn a Redis that fails or does not answer into UnavailableError."""
    import redis

    try:
        with telemetry.span("redis", {"db.system.name": "redis"}, "client"):
            yield
    except redis.RedisError as error:
        raise UnavailableError("Sessions cannot be checked right now. Please try again later.") from error
