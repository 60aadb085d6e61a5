"""What all AWS clients share: one session, and one way to say that a service failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Final

from rottenbot.problems import UnavailableError

if TYPE_CHECKING:
    import boto3

MISSING: Final = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}


class MissingObjectError(Exception):
    """There is no such object in the bucket."""


@cache
def session() -> "boto3.Session":
    """The session that all clients are made from; boto3 is heavy to import, so it is made when first needed."""
    import boto3

    return boto3.Session()


@contextmanager
def errors_mapped(sentence: str) -> Iterator[None]:
    """Turn what boto3 raises into MissingObjectError or, with this sentence, UnavailableError."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            raise MissingObjectError from error
        raise UnavailableError(sentence) from error
    except BotoCoreError as error:
        raise UnavailableError(sentence) from error
