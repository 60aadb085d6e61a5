"""The proof that what a store answered belongs to what it was asked."""

from typing import Final

from rottenbot import telemetry
from rottenbot.logs import logger
from rottenbot.problems import UnavailableError

MISMATCH: Final = "an answer belongs to another question"  # template.yaml has an alarm on this line


class MismatchError(UnavailableError):
    """A store answered something else than what it was asked; nothing of it may be used or shown."""


def require_same(store: str, asked: object, answered: object) -> None:
    """Hold what a store answered against what it was asked. Raises MismatchError, and tells whoever is on call."""
    if asked != answered:
        logger.error(MISMATCH, store=store)
        telemetry.count("answers_mismatched", {"store": store})
        raise MismatchError("The answer could not be verified. Please try again later.")
