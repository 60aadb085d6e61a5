"""A photo in, its class out; and, for a photo to keep, the first step of its way into the archive."""

import time
import uuid
from datetime import UTC, datetime
from typing import Final

from functions.predict import classifier, declared
from functions.predict.classifier import Answer
from functions.predict.handover import hand_on, read_upload
from functions.predict.images import EXTENSIONS, UnreadableImageError, media_type, to_array
from functions.predict.metadata.stripping import known_parts, without_metadata
from functions.predict.models import Prediction, Upload
from rottenbot import settings, storage, telemetry
from rottenbot.bucket_events import CreatedObject
from rottenbot.photos import NO_TYPE, PhotoKey, Result

# A Lambda function takes 6 MB, and base64 makes 4 of 3 bytes.
MAX_INLINE_BYTES: Final = 4_500_000

settings.check(settings.model, settings.events)
_began = time.perf_counter()
model = classifier.load(settings.model().model_runtime, settings.model().model_threads)
telemetry.record("model_load", (time.perf_counter() - _began) * 1000)


class UnsupportedTypeError(Exception):
    """The file is of no type that is taken, and is not declared to be."""


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
    if len(data) > MAX_INLINE_BYTES:
        raise PhotoTooLargeError(
            f"The photo has {len(data)} bytes; at most {MAX_INLINE_BYTES} fit in a request."
            " Ask POST /api/v1/inference/uploads for an upload address instead."
        )
    _require_photo(data, content_type)
    with telemetry.span("predict_endpoint", {"photo.bytes": len(data), "photo.saved": keep_as is not None}):
        answer = _classify(data, "http")
        if keep_as:
            key = PhotoKey(user_uid, keep_as, NO_TYPE)
            hand_on(key, without_metadata(data), _result(answer, datetime.now(UTC)))
        with telemetry.span("get_prediction"):
            return _prediction(answer, keep_as, with_map)


def start_upload(content_type: str, user_uid: uuid.UUID, uid: uuid.UUID) -> Upload:
    """An address to upload one photo to, declared as just this type; its classification starts when it arrives."""
    config = settings.events()
    key = PhotoKey(user_uid, uid, EXTENSIONS.get(declared.photo_type(content_type) or "", NO_TYPE))
    form = storage.events().presigned_post(
        key.at("uploads"), content_type, config.upload_max_bytes, config.upload_expires_seconds
    )
    return Upload(prediction_uid=key.prediction_uid, url=form["url"], fields=form["fields"])


def classify_upload(created: CreatedObject) -> None:
    """Classify an uploaded photo and hand it on to the archive, with a reason in place of a class if it is unreadable.

    Can be repeated at any point: the upload goes only after its successor is written.
    """
    key, photo = PhotoKey.parse(created.key), read_upload(created)
    if photo is None:
        return
    with created.continued(photo.metadata, "classify_upload"):
        try:
            result = _result(_classify(photo.data, "upload"), created.time)
            kept = without_metadata(photo.data)
        except UnreadableImageError as error:
            telemetry.count("rejected_uploads")
            result = Result(model.version, created.time, reason=str(error))
            kept = known_parts(photo.data)
        hand_on(key, kept, result)
        storage.events().delete(created.key, created.version)


def warm() -> None:
    """Make what the first request would otherwise have to wait for."""
    start_upload("image/jpeg", uuid.uuid4(), uuid.uuid4())


def _require_photo(data: bytes, content_type: str | None) -> None:
    try:
        media_type(data)
    except UnreadableImageError as error:
        if content_type is None or declared.photo_type(content_type):
            raise
        taken = "Invalid file type. Only JPEG, PNG and WebP, and of phones HEIC and AVIF, are supported."
        raise UnsupportedTypeError(f"{taken} {error}") from error


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


def _result(answer: Answer, created_at: datetime) -> Result:
    return Result(model.version, created_at, answer.top, answer.recognised)


def _prediction(answer: Answer, uid: uuid.UUID | None, with_map: bool) -> Prediction:
    best = answer.top[0]
    return Prediction(
        predicted_class=best.predicted_class,
        predicted_class_name=best.predicted_class_name,
        confidence=best.confidence,
        prediction_uid=uid,
        model_version=model.version,
        top=list(answer.top),
        recognised=answer.recognised,
        map=answer.evidence.round(3).tolist() if with_map else None,
    )
