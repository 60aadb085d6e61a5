"""Moments from outside, made such that every store and every client can hold them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, which one without an offset is meant to be in. Raises ValueError at the edges of the
    calendar, where there is no such moment."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a moment between the years 1 and 9999 in UTC is needed") from error


Moment = Annotated[datetime, AfterValidator(in_utc)]
