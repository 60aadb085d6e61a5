"""What travels with a photo from function to function: its keys in the buckets, and its result in object metadata."""

import json
import re
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import Field, TypeAdapter, ValidationError

from rottenbot.times import Moment

Stage = Literal["uploads", "classified"]
NO_TYPE: Final = "bin"  # the extension of an upload whose type is not known yet, and of what is no photo
KEY: Final = re.compile(r"(uploads|classified)/([0-9a-f-]{36})/([0-9a-f-]{36})\.(jpg|png|webp|heic|avif|bin)")
METADATA: Final = "result"
GIVEN_UP: Final = "The photo could not be processed."
Arrival = Annotated[Moment, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]
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


PRINTED: Final = r"^[^\x00]*$"
FORGET: Final = re.compile(r"forget/([0-9a-f-]{36})")


class ForeignKeyError(ValueError):
    """An object key that this system did not make."""


class InvalidResultError(ValueError):
    """An object that carries no result, or one that this system did not make."""


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

    @classmethod
    def is_one(cls, key: str) -> bool:
        """Whether a key is one of these."""
        try:
            return bool(cls.parse(key))
        except ForeignKeyError:
            return False

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
    try:
        return uuid.UUID(match[1]) if match else None
    except ValueError:
        return None


@dataclass(frozen=True)
class RankedClass:
    """One class that a photo may show, and how probable the model holds it (0..1)."""

    predicted_class: Annotated[int, Field(ge=0, lt=1000)]
    predicted_class_name: Annotated[str, Field(max_length=100, pattern=PRINTED)]
    confidence: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True)
class Result:
    """What became of a photo: the three likeliest classes, best first, or the reason why it could not be classified.

    `recognised` is false where the photo looks like none of the classes, and None where nobody asked.
    """

    model_version: Annotated[str, Field(max_length=100, pattern=PRINTED)]
    created_at: Arrival
    top: Annotated[tuple[RankedClass, ...], Field(max_length=10)] = ()
    recognised: bool | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=PRINTED)] | None = None

    def to_metadata(self) -> dict[str, str]:
        """As S3 user metadata: one ASCII value, well under the 2 KB that S3 allows."""
        document: dict[str, Any] = asdict(self) | {"created_at": self.created_at.isoformat()}
        return {METADATA: json.dumps(document, separators=(",", ":"))}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> Self:
        """Read it back. Raises InvalidResultError for an object that carries none, or one of another form."""
        try:
            result = TypeAdapter(cls).validate_json(metadata[METADATA])
        except (KeyError, ValidationError) as error:
            raise InvalidResultError("The object carries no result that can be read.") from error
        if not result.top and not result.reason:
            raise InvalidResultError("The result has neither a class nor a reason.")
        return result
