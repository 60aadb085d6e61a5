"""What the archive calls answer."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from rottenbot.photos import RankedClass

Status = Literal["recorded", "failed"]
State = Literal["healthy", "rotten", "unsure"]


@dataclass(frozen=True)
class Filter:
    """Which records are asked for: `kind` and `state` go by the user's label where there is one, and without one a
    photo that was not recognised has no kind; `class_name` goes by the model's answer; `since` belongs to the time that
    is asked for, and `until` does not."""

    class_name: str | None = None
    status: Status | None = None
    kind: str | None = None
    state: State | None = None
    since: datetime | None = None
    until: datetime | None = None


class Record(BaseModel):
    """A saved photo's record. Without a class where the photo could not be read; then `reason` says why.

    `recognised` is false for a photo that looks like none of the classes; `label` is the class that its user says it
    shows, if they said so, and `shared` that they let admins look at it.
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
    shared: bool


class StoredRecord(Record):
    """A record as it is stored: with whose it is, and the key of its photo in the archive."""

    user_uid: UUID
    image_path: str


class Label(BaseModel):
    """What a user says that a photo shows; with `share` they let admins look at the photo."""

    class_name: Annotated[str, Field(max_length=100)]
    share: bool = False


class Count(BaseModel):
    """How many of a user's photos of one kind, taken in on one day (UTC), were healthy and how many rotten, by their
    labels where they have one; photos that were not recognised count only with a label."""

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


class Review(Record):
    """A record as admins see it, with an address of the photo, if its user shares it."""

    user_uid: UUID
    image_url: str | None


class ReviewPage(BaseModel):
    """Everybody's records, newest first; `next_cursor` as in a page of one's own."""

    predictions: list[Review]
    next_cursor: str | None


class ListedRecord(Record):
    """A record with an address of its photo, if that was asked for."""

    image_url: str | None = None


class RecordPage(BaseModel):
    """Records, newest first; `next_cursor` asks for those after them, and is null on the last page."""

    predictions: list[ListedRecord]
    next_cursor: str | None
