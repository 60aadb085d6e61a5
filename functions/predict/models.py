"""What the predict calls take and answer."""

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from functions.predict.declared import UNKNOWN, DeclaredType
from rottenbot.photos import RankedClass


class Prediction(BaseModel):
    """The likeliest class and the three likeliest; `prediction_uid` is null for a photo that was not saved.

    `recognised` is false for a photo that looks like none of the classes: the classes are then only a guess. `map`, on
    request, says in rows from the top left corner how much each part of the photo speaks for the likeliest class, from
    0 for nothing to 1 where it is most.
    """

    predicted_class: int
    predicted_class_name: str
    confidence: float
    prediction_uid: UUID | None
    model_version: str
    top: list[RankedClass]
    recognised: bool
    map: list[list[float]] | None = None


class UploadRequest(BaseModel):
    """The media type with which the photo will be sent. What the photo is, is told by its content."""

    content_type: DeclaredType = UNKNOWN


class Upload(BaseModel):
    """A form to send the photo with: POST `fields` and then the photo as `file` to `url`."""

    prediction_uid: UUID
    url: str
    fields: dict[str, str]


class Quality(BaseModel):
    """How well a model does on the test photos (each 0..1); `rotten_called_healthy` is the share of rotten photos."""

    accuracy: float
    macro_f1: float
    state_accuracy: float
    kind_accuracy: float
    rotten_called_healthy: float


class ClassQuality(BaseModel):
    """How well a model does on the test photos of one class (each 0..1)."""

    model_config = ConfigDict(populate_by_name=True)

    class_name: str = Field(validation_alias="class")
    photos: int
    precision: float
    recall: float
    f1: float


class Model(BaseModel):
    """The model that answers, and how well it did on photos that it was not trained with."""

    version: str
    trained_on: date
    test_photos: int
    test: Quality
    per_class: list[ClassQuality]


class ModelHealth(BaseModel):
    status: Literal["ok"] = "ok"
    model_version: str
    model_runtime: str
