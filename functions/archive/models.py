"""What the archive calls answer."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from rottenbot.photos import RankedClass

Status = Literal["recorded", "failed"]


class Record(BaseModel):
    """A saved photo's record. Without a class where the photo could not be read; then `reason` says why.

    `recognised` is false for a photo that looks like none of the classes; `label` is the class that its user says it
    shows, if they said so.
    """

    uid: UUID
    status: Status
    reason: str | None
    predicted_class: int | None
    predicted_class_name: str | None
    confidence: float | None
    top: list[RankedClass]
    recognised: bool | None
    model_version: str
    created_at: datetime
    recorded_at: datetime
    label: str | None


class Label(BaseModel):
    """What a user says that a photo shows."""

    class_name: str


class Count(BaseModel):
    """How many of a user's photos of one kind, taken in on one day (UTC), were healthy and how many rotten, by their
    labels where they have one."""

    day: date
    kind: str
    healthy: int
    rotten: int


class Counts(BaseModel):
    """The counts of all days and kinds for which there are photos, oldest first."""

    counts: list[Count]


class RecordWithImage(Record):
    """A record with an address, valid for some minutes, from which the photo can be read."""

    image_url: str


class PendingRecord(BaseModel):
    """A photo that was saved and is still on its way into the archive."""

    uid: UUID
    status: Literal["pending"] = "pending"


class RecordPage(BaseModel):
    """Records, newest first; `next_cursor` asks for those after them, and is null on the last page."""

    predictions: list[Record]
    next_cursor: str | None
