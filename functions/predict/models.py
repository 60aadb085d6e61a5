"""What the predict calls take and answer."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from rottenbot.photos import RankedClass

PhotoType = Literal["image/jpeg", "image/png", "image/webp"]


class Prediction(BaseModel):
    """The likeliest class and the three likeliest; `prediction_uid` is null for a photo that was not saved.

    `recognised` is false for a photo that looks like none of the classes: the classes are then only a guess.
    """

    predicted_class: int
    predicted_class_name: str
    confidence: float
    prediction_uid: UUID | None
    model_version: str
    top: list[RankedClass]
    recognised: bool


class UploadRequest(BaseModel):
    content_type: PhotoType


class Upload(BaseModel):
    """A form to send the photo with: POST `fields` and then the photo as `file` to `url`."""

    prediction_uid: UUID
    url: str
    fields: dict[str, str]


class Health(BaseModel):
    status: Literal["ok"] = "ok"
    model_version: str
    model_runtime: str
