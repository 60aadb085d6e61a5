"""The durable record of every saved photo."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from functions.archive import store
from functions.archive.models import (
    Counts,
    Filter,
    ListedRecord,
    PendingRecord,
    RecordPage,
    RecordWithImage,
    Review,
    ReviewPage,
)
from rottenbot import database, storage, telemetry
from rottenbot.aws import MissingObjectError
from rottenbot.bucket_events import CreatedObject
from rottenbot.logs import logger
from rottenbot.pages import Cursor, next_cursor
from rottenbot.photos import CLASSES, GIVEN_UP, ForeignKeyError, InvalidResultError, PhotoKey, Result
from rottenbot.problems import UnavailableError
from rottenbot.storage import StoredObject

REVIEWS: Final = "reviews"
UNKNOWN_MODEL: Final = "unknown"
UNKNOWN: Final = "There is no such prediction."
STILL_ON_ITS_WAY: Final = "The photo is still on its way into the archive. Please try again in a moment."


class UnknownPredictionError(Exception):
    """The caller has no such prediction."""


class StillOnItsWayError(Exception):
    """The photo has no record yet."""


class UnknownClassError(Exception):
    """There is no class of this name."""


def record_photo(created: CreatedObject) -> None:
    """Give a classified photo its row and its place in the archive, and only then take it out of the events bucket.

    Every step can be repeated, so a stop at any point only means that the queue brings the event again. A photo without
    a result that can be read is recorded as failed.
    """
    _record(created, _result)


def give_up(created: CreatedObject) -> None:
    """Record a photo that could not be recorded, however often that was tried: once more as it is, because what was in
    the way may be gone, and if that fails again, as failed. Raises UnavailableError while a store is away."""
    try:
        record_photo(created)
    except (UnavailableError, ForeignKeyError):
        raise
    except Exception:
        logger.exception("photo given up")
        _record(created, _failed)
        telemetry.count("photos_given_up", {"stage": "classified"})


def _record(created: CreatedObject, result_of: Callable[[CreatedObject, StoredObject], Result]) -> None:
    key = PhotoKey.parse(created.key)
    try:
        photo = store.read_arrived(created)
    except MissingObjectError:
        logger.info("photo was recorded before", prediction_uid=str(key.prediction_uid))
        return
    with created.continued(photo.metadata, "record_photo"):
        result = result_of(created, photo)
        with telemetry.span("save_prediction_db"):
            store.record(key, photo, result)
        with telemetry.span("archive_image"):
            store.keep_image(key, photo, result)
        # Asked after the last write: whoever forgets the user either sees what was written, or is seen here.
        forgotten = store.is_forgotten(key.user_uid)
        if forgotten:
            _remove(key.prediction_uid, key.user_uid, store.image_path(key, result))
        store.drop_classified(created)
        if not forgotten:
            telemetry.count("photos_recorded", {"failed": bool(result.reason)})
            logger.info("photo recorded", prediction_uid=str(key.prediction_uid), failed=bool(result.reason))


def _result(created: CreatedObject, photo: StoredObject) -> Result:
    try:
        return Result.from_metadata(photo.metadata)
    except InvalidResultError:
        logger.exception("result is not readable")
        return _failed(created, photo)


def _failed(created: CreatedObject, _: StoredObject) -> Result:
    return Result(UNKNOWN_MODEL, created.time, reason=GIVEN_UP)


def forget_user(user_uid: UUID, created: CreatedObject) -> None:
    """Remove all photos and records of a user, and see to it that what is still on its way gets none.

    Can be repeated at any point: the word that set it off goes last.
    """
    try:
        word = store.read_arrived(created)
    except MissingObjectError:
        logger.info("user was forgotten before")
        return
    with created.continued(word.metadata, "forget_user"):
        store.remember_forgotten(user_uid)
        while photos := store.some_photos(user_uid):
            for uid, path in photos:
                _remove(uid, user_uid, path)
        store.drop_all(user_uid)
        logger.info("user forgotten")


def read(uid: UUID, user_uid: UUID) -> RecordWithImage | PendingRecord:
    """A user's record with an address of its photo. Raises UnknownPredictionError, also for another user's."""
    found = store.find(uid, user_uid)
    if found is None and store.on_its_way(uid, user_uid):
        return PendingRecord(uid=uid)
    found = found or store.find(uid, user_uid)  # it may have arrived between the two looks
    if found is None:
        raise UnknownPredictionError(UNKNOWN)
    return RecordWithImage(**found.model_dump(), image_url=store.image_url(found))


def page(user_uid: UUID, limit: int, cursor: str | None, wanted: Filter, with_images: bool) -> RecordPage:
    """A user's records, newest first. Raises InvalidCursorError."""
    of = f"predictions of {user_uid}"
    rows = store.page(user_uid, limit + 1, Cursor.decode(cursor, of), wanted)
    shown = [
        ListedRecord(**record.model_dump(), image_url=store.image_url(record) if with_images else None)
        for record in rows[:limit]
    ]
    return RecordPage(predictions=shown, next_cursor=next_cursor(rows, limit, of))


def reviews(limit: int, cursor: str | None, corrected: bool) -> ReviewPage:
    """Everybody's records, newest first, or only those with a label; with the photos that their users share. Raises
    InvalidCursorError."""
    rows = store.reviews(limit + 1, Cursor.decode(cursor, REVIEWS), corrected)
    shown = [
        Review(**record.model_dump(), image_url=store.image_url(record) if record.shared else None)
        for record in rows[:limit]
    ]
    return ReviewPage(predictions=shown, next_cursor=next_cursor(rows, limit, REVIEWS))


def correct(uid: UUID, user_uid: UUID, class_name: str, share: bool) -> RecordWithImage:
    """Keep a user's word for what a photo shows, and whether admins may look at it.

    Raises UnknownClassError, StillOnItsWayError and UnknownPredictionError.
    """
    if class_name not in CLASSES:
        raise UnknownClassError(f"There is no class {class_name!r}. Classes are: {', '.join(CLASSES)}.")
    labelled = store.set_label(uid, user_uid, class_name, share)
    found = read(uid, user_uid)
    if not labelled or isinstance(found, PendingRecord):
        raise StillOnItsWayError(STILL_ON_ITS_WAY)
    return found


def forget(uid: UUID, user_uid: UUID) -> None:
    """Remove a photo and its record. Raises StillOnItsWayError and UnknownPredictionError.

    The image goes first: if something stops half-way, the record is still there to be removed again. While the photo
    is in the events bucket, its image may be about to be put into the archive.
    """
    if store.on_its_way(uid, user_uid):
        raise StillOnItsWayError(STILL_ON_ITS_WAY)
    found = store.find(uid, user_uid)
    if found is None:
        raise UnknownPredictionError(UNKNOWN)
    _remove(uid, user_uid, found.image_path)
    logger.info("photo removed", prediction_uid=str(uid))


def counts(user_uid: UUID) -> Counts:
    """How many healthy and rotten photos a user has, by day and kind."""
    return Counts(counts=store.counts(user_uid))


def _remove(uid: UUID, user_uid: UUID, path: str) -> None:
    store.forget_image(uid, user_uid, path)
    store.forget(uid, user_uid)


def warm() -> None:
    """Make what the first request would otherwise have to wait for."""
    storage.archive()
    database.check()
