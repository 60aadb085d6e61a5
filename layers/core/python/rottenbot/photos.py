"""What travels with a photo from function to function: its keys in the buckets, and its result in object metadata."""

import json
import re
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal, Self, get_args

from rottenbot.times import in_utc

Stage = Literal["uploads", "classified"]
KEY: Final = re.compile(r"(uploads|classified)/([0-9a-f-]{36})/([0-9a-f-]{36})\.(jpg|png|webp)")
METADATA: Final = "result"
Kind = Literal[
    "Apple",
    "Banana",
    "Bellpepper",
    "Carrot",
    "Cucumber",
    "Grape",
    "Guava",
    "Jujube",
    "Mango",
    "Orange",
    "Pomegranate",
    "Potato",
    "Strawberry",
    "Tomato",
]
KINDS: Final[tuple[str, ...]] = get_args(Kind)
CLASSES: Final = tuple(f"{kind}__{state}" for kind in KINDS for state in ("Healthy", "Rotten"))


FORGET: Final = re.compile(r"forget/([0-9a-f-]{36})")


class ForeignKeyError(ValueError):
    """An object key that this system did not make."""


@dataclass(frozen=True)
class PhotoKey:
    """A photo's place in the events bucket: `<stage>/<user>/<prediction>.<extension>`."""

    user_uid: uuid.UUID
    prediction_uid: uuid.UUID
    extension: str

    @classmethod
    def parse(cls, key: str) -> Self:
        """Read a key. Raises ForeignKeyError for one of another form."""
        match = KEY.fullmatch(key)
        try:
            if match:
                return cls(uuid.UUID(match[2]), uuid.UUID(match[3]), match[4])
        except ValueError:
            pass
        raise ForeignKeyError(f"not a photo's key: {key!r}")

    def at(self, stage: Stage) -> str:
        """The object key at a stage of the way."""
        return f"{stage}/{self.name}"

    @property
    def name(self) -> str:
        """The part of the key that stays the same from bucket to bucket."""
        return f"{self.user_uid}/{self.prediction_uid}.{self.extension}"


def forget_key(user_uid: uuid.UUID) -> str:
    """The key of the object whose arrival in the events bucket says that a user's photos are to go."""
    return f"forget/{user_uid}"


def user_to_forget(key: str) -> uuid.UUID | None:
    """The user of such a key; None for a key of another kind."""
    match = FORGET.fullmatch(key)
    return uuid.UUID(match[1]) if match else None


@dataclass(frozen=True)
class RankedClass:
    """One class that a photo may show, and how probable the model holds it (0..1)."""

    predicted_class: int
    predicted_class_name: str
    confidence: float


@dataclass(frozen=True)
class Result:
    """What became of a photo: the three likeliest classes, best first, or the reason why it could not be classified.

    `recognised` is false where the photo looks like none of the classes, and None where nobody asked.
    """

    model_version: str
    created_at: datetime
    top: tuple[RankedClass, ...] = ()
    recognised: bool | None = None
    reason: str | None = None

    def to_metadata(self) -> dict[str, str]:
        """As S3 user metadata: one ASCII value, well under the 2 KB that S3 allows."""
        document: dict[str, Any] = asdict(self) | {"created_at": self.created_at.isoformat()}
        return {METADATA: json.dumps(document, separators=(",", ":"))}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> Self:
        """Read it back. Raises ValueError or KeyError for an object that carries none."""
        document = json.loads(metadata[METADATA])
        return cls(
            model_version=document["model_version"],
            created_at=in_utc(datetime.fromisoformat(document["created_at"])),
            top=tuple(RankedClass(**ranked) for ranked in document["top"]),
            recognised=document.get("recognised"),
            reason=document["reason"],
        )
