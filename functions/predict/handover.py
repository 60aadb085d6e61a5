"""The first step of a photo's way into the archive, for those that were classified and those that never could be."""

from dataclasses import replace
from typing import Final

from functions.predict import classifier
from functions.predict.images import EXTENSIONS, UnreadableImageError, media_type
from functions.predict.metadata.stripping import known_parts
from rottenbot import storage, telemetry
from rottenbot.aws import MissingObjectError
from rottenbot.bucket_events import CreatedObject
from rottenbot.logs import logger
from rottenbot.photos import GIVEN_UP, NO_TYPE, PhotoKey, Result
from rottenbot.problems import UnavailableError
from rottenbot.storage import StoredObject

NO_PHOTO: Final = "application/octet-stream"


def hand_on(key: PhotoKey, photo: bytes, result: Result) -> None:
    """Put a photo and its result on their way into the archive, under the name and type that its content asks for.

    Raises UnavailableError.
    """
    try:
        content_type = media_type(photo)
    except UnreadableImageError:
        content_type = NO_PHOTO
    named = replace(key, extension=EXTENSIONS.get(content_type, NO_TYPE))
    try:
        with telemetry.span("save_image_s3"):
            metadata = result.to_metadata() | telemetry.carrier()
            storage.events().put(named.at("classified"), StoredObject(photo, content_type, metadata))
    except UnavailableError as error:
        raise UnavailableError("The photo could not be saved right now. Please try again later.") from error


def read_upload(created: CreatedObject) -> StoredObject | None:
    """The photo that an event tells of; None when it was handled before."""
    try:
        return storage.events().get(created.key, created.version)
    except MissingObjectError:
        logger.info("upload was handled before", prediction_uid=str(PhotoKey.parse(created.key).prediction_uid))
        return None


def give_up(created: CreatedObject) -> None:
    """Hand an upload on that could not be processed, however often that was tried, with that for a reason.

    It is not decoded, because that may be what fails.
    """
    key, photo = PhotoKey.parse(created.key), read_upload(created)
    if photo is None:
        return
    with created.continued(photo.metadata, "give_up_upload"):
        result = Result(classifier.metadata()["version"], created.time, reason=GIVEN_UP)
        hand_on(key, known_parts(photo.data), result)
        storage.events().delete(created.key, created.version)
        telemetry.count("photos_given_up", {"stage": "uploads"})
        logger.warning("photo given up", prediction_uid=str(key.prediction_uid), failed=True)
