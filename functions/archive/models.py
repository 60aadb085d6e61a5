"""What the archive calls answer."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from rottenbot.photos import RankedClass

Status = Literal["recorded", "failed"]


class Record(BaseModel):
    """A saved photo's record. Without a class where the photo could not be read; then `reason` says why.

    `recognised` is false for a photo that looks like none of the classes.
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
