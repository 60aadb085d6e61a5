"""A photo in, its class out; and, for a photo to keep, the first step of its way into the archive."""

import time
import uuid
from datetime import UTC, datetime
from typing import Final

from functions.predict import classifier
from functions.predict.classifier import Answer
from functions.predict.images import EXTENSIONS, UnreadableImageError, to_array
from functions.predict.models import Prediction, Upload
from rottenbot import settings, storage, telemetry
from rottenbot.aws import MissingObjectError
from rottenbot.bucket_events import CreatedObject
from rottenbot.logs import logger
from rottenbot.photos import PhotoKey, Result
from rottenbot.problems import UnavailableError
from rottenbot.storage import StoredObject

# A Lambda function takes 6 MB, and base64 makes 4 of 3 bytes.
MAX_INLINE_BYTES: Final = 4_500_000

settings.check(settings.model, settings.events)
_began = time.perf_counter()
model = classifier.load(settings.model().model_runtime, settings.model().model_threads)
telemetry.record("model_load", (time.perf_counter() - _began) * 1000)


class UnsupportedTypeError(Exception):
    """The photo is declared to be of a type that is not taken."""


class PhotoTooLargeError(Exception):
    """The photo is too large for a request and has to be uploaded."""


def new_uid(user_uid: uuid.UUID, idempotency_key: uuid.UUID | None) -> uuid.UUID:
    """An id for a photo to keep: for the same key of the same user always the same."""
    return uuid.uuid5(user_uid, str(idempotency_key)) if idempotency_key else uuid.uuid4()


def classify(
    data: bytes, content_type: str | None, user_uid: uuid.UUID, keep_as: uuid.UUID | None, with_map: bool
) -> Prediction:
    """Classify a photo, and with an id to keep it under hand it on to the archive before answering.

    Raises UnsupportedTypeError, PhotoTooLargeError, UnreadableImageError, and UnavailableError when it was to be kept
    and could not be.
    """
    extension = EXTENSIONS.get(content_type or "")
    if extension is None:
        raise UnsupportedTypeError(f"Invalid file type. Only JPEG, PNG and WebP are supported. Got {content_type}")
    if len(data) > MAX_INLINE_BYTES:
        raise PhotoTooLargeError(
            f"The photo has {len(data)} bytes; at most {MAX_INLINE_BYTES} fit in a request."
            " Ask POST /api/v1/inference/uploads for an upload address instead."
        )
    with telemetry.span("predict_endpoint", {"photo.bytes": len(data), "photo.saved": keep_as is not None}):
        answer = _classify(data, "http")
        key = PhotoKey(user_uid, keep_as, extension) if keep_as else None
        if key:
            _hand_on(key, data, _result(answer, datetime.now(UTC)))
        with telemetry.span("get_prediction"):
            return _prediction(answer, key, with_map)


def start_upload(content_type: str, user_uid: uuid.UUID, uid: uuid.UUID) -> Upload:
    """An address to upload one photo to; its classification starts when it arrives."""
    config = settings.events()
    key = PhotoKey(user_uid, uid, EXTENSIONS[content_type])
    form = storage.events().presigned_post(
        key.at("uploads"), content_type, config.upload_max_bytes, config.upload_expires_seconds
    )
    return Upload(prediction_uid=key.prediction_uid, url=form["url"], fields=form["fields"])


def classify_upload(created: CreatedObject) -> None:
    """Classify an uploaded photo and hand it on to the archive, with a reason in place of a class if it is unreadable.

    Can be repeated at any point: the upload goes only after its successor is written.
    """
    key = PhotoKey.parse(created.key)
    try:
        photo = storage.events().get(created.key, created.version)
    except MissingObjectError:
        logger.info("upload was handled before", prediction_uid=str(key.prediction_uid))
        return
    with created.continued(photo.metadata, "classify_upload"):
        try:
            result = _result(_classify(photo.data, "upload"), created.time)
        except UnreadableImageError as error:
            telemetry.count("rejected_uploads")
            result = Result(model.version, created.time, reason=str(error))
        _hand_on(key, photo.data, result)
        storage.events().delete(created.key, created.version)


def warm() -> None:
    """Make what the first request would otherwise have to wait for."""
    start_upload("image/jpeg", uuid.uuid4(), uuid.uuid4())


def _classify(data: bytes, way: str) -> Answer:
    with telemetry.span("preprocess_image"):
        image = to_array(data, model.size)
    began = time.perf_counter()
    with telemetry.span("model_prediction", {"model.version": model.version}) as add:
        answer = model.classify(image)
        add({"model.class": answer.top[0].predicted_class_name, "model.recognised": answer.recognised})
    telemetry.record("model_inference", (time.perf_counter() - began) * 1000)
    described = {"class": answer.top[0].predicted_class_name, "model_version": model.version, "way": way}
    telemetry.count("predictions", described)
    telemetry.record("prediction_confidence", answer.top[0].confidence, unit="1")
    if not answer.recognised:
        telemetry.count("predictions_not_recognised")
    return answer


def _hand_on(key: PhotoKey, data: bytes, result: Result) -> None:
    content_type = next(kind for kind, extension in EXTENSIONS.items() if extension == key.extension)
    try:
        with telemetry.span("save_image_s3"):
            metadata = result.to_metadata() | telemetry.carrier()
            storage.events().put(key.at("classified"), StoredObject(data, content_type, metadata))
    except UnavailableError as error:
        raise UnavailableError("The photo could not be saved right now. Please try again later.") from error


def _result(answer: Answer, created_at: datetime) -> Result:
    return Result(model.version, created_at, answer.top, answer.recognised)


def _prediction(answer: Answer, key: PhotoKey | None, with_map: bool) -> Prediction:
    best = answer.top[0]
    return Prediction(
        predicted_class=best.predicted_class,
        predicted_class_name=best.predicted_class_name,
        confidence=best.confidence,
        prediction_uid=key.prediction_uid if key else None,
        model_version=model.version,
        top=list(answer.top),
        recognised=answer.recognised,
        map=answer.evidence.round(3).tolist() if with_map else None,
    )
