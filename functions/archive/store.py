"""The predictions table, and where photos lie in the two buckets."""

import json
from dataclasses import asdict
from typing import Final, get_args
from uuid import UUID

from functions.archive.models import Count, Filter, StoredRecord
from rottenbot import database, pages, settings, storage
from rottenbot.bucket_events import CreatedObject
from rottenbot.pages import Cursor
from rottenbot.pairing import require_same
from rottenbot.photos import PhotoKey, Result, Stage, forget_key
from rottenbot.storage import StoredObject

COLUMNS: Final = """uid, user_uid, image_path, status, reason, predicted_class, predicted_class_name, confidence,
    top_classes AS top, recognised, model_version, created_at, recorded_at, label, shared"""

STAGES: Final[tuple[str, ...]] = get_args(Stage)
IMAGES: Final = "images"
REJECTED: Final = "rejected"
PLACES: Final = (IMAGES, REJECTED)

SHOWN: Final = "coalesce(label, CASE WHEN recognised IS NOT FALSE THEN predicted_class_name END)"
KIND: Final = f"split_part({SHOWN}, '__', 1)"
STATE: Final = f"""CASE WHEN status = 'recorded' AND {SHOWN} IS NULL THEN 'unsure'
    ELSE lower(split_part({SHOWN}, '__', 2)) END"""


def record(key: PhotoKey, photo: StoredObject, result: Result) -> None:
    """Insert a photo's row, or bring the row that it has up to this result."""
    best = (
        asdict(result.top[0])
        if result.top
        else dict.fromkeys(("predicted_class", "predicted_class_name", "confidence"))
    )
    database.query(
        """INSERT INTO predictions (uid, user_uid, image_path, content_type, status, reason, predicted_class,
               predicted_class_name, confidence, top_classes, recognised, model_version, created_at)
           VALUES (:uid, :user_uid, :image_path, :content_type, :status, :reason, :predicted_class,
               :predicted_class_name, :confidence, CAST(:top AS jsonb), :recognised, :model_version, :created_at)
           ON CONFLICT (uid) DO UPDATE SET
               (image_path, content_type, status, reason, predicted_class, predicted_class_name, confidence,
                top_classes, recognised, model_version)
             = (excluded.image_path, excluded.content_type, excluded.status, excluded.reason, excluded.predicted_class,
                excluded.predicted_class_name, excluded.confidence, excluded.top_classes,
                excluded.recognised, excluded.model_version)
           WHERE predictions.user_uid = excluded.user_uid""",
        uid=key.prediction_uid,
        user_uid=key.user_uid,
        image_path=image_path(key, result),
        content_type=photo.content_type,
        status="failed" if result.reason else "recorded",
        reason=result.reason,
        **best,
        top=json.dumps([asdict(ranked) for ranked in result.top]),
        recognised=result.recognised,
        model_version=result.model_version,
        created_at=result.created_at,
    )


def find(uid: UUID, user_uid: UUID) -> StoredRecord | None:
    """A user's record; None for another user's."""
    rows = database.query(
        f"SELECT {COLUMNS} FROM predictions WHERE uid = :uid AND user_uid = :user_uid",
        expected={"uid": uid, "user_uid": user_uid},
        scope=database.as_user(user_uid),
        uid=uid,
        user_uid=user_uid,
    )
    return StoredRecord.model_validate(rows[0]) if rows else None


def page(user_uid: UUID, limit: int, after: Cursor | None, wanted: Filter) -> list[StoredRecord]:
    """A user's records, newest first, from the one after `after` on."""
    rows = database.query(
        f"""SELECT {COLUMNS} FROM predictions
            WHERE user_uid = :user_uid
              AND (CAST(:class_name AS text) IS NULL OR predicted_class_name = :class_name)
              AND (CAST(:status AS text) IS NULL OR status = :status)
              AND (CAST(:kind AS text) IS NULL OR {KIND} = :kind)
              AND (CAST(:state AS text) IS NULL OR {STATE} = :state)
              AND (CAST(:since AS timestamptz) IS NULL OR created_at >= CAST(:since AS timestamptz))
              AND (CAST(:until AS timestamptz) IS NULL OR created_at < CAST(:until AS timestamptz))
              AND {pages.NEWEST_FIRST}""",
        expected={"user_uid": user_uid},
        scope=database.as_user(user_uid),
        user_uid=user_uid,
        **asdict(wanted),
        **pages.parameters(after, limit),
    )
    return [StoredRecord.model_validate(row) for row in rows]


def reviews(limit: int, after: Cursor | None, corrected: bool) -> list[StoredRecord]:
    """Everybody's records, newest first, from the one after `after` on."""
    rows = database.query(
        f"""SELECT {COLUMNS} FROM predictions
            WHERE (NOT CAST(:corrected AS boolean) OR label IS NOT NULL)
              AND {pages.NEWEST_FIRST}""",
        scope=database.AS_REVIEWER,
        corrected=corrected,
        **pages.parameters(after, limit),
    )
    return [StoredRecord.model_validate(row) for row in rows]


def set_label(uid: UUID, user_uid: UUID, label: str, share: bool) -> bool:
    """Keep what a user says of a photo; false when they have no such photo."""
    rows = database.query(
        """UPDATE predictions SET label = :label, shared = :share, labelled_at = now()
           WHERE uid = :uid AND user_uid = :user_uid RETURNING uid, user_uid""",
        expected={"uid": uid, "user_uid": user_uid},
        scope=database.as_user(user_uid),
        uid=uid,
        user_uid=user_uid,
        label=label,
        share=share,
    )
    return bool(rows)


def counts(user_uid: UUID) -> list[Count]:
    """A user's photos by day, kind and state."""
    rows = database.query(
        f"""SELECT user_uid, (created_at AT TIME ZONE 'UTC')::date AS day, {KIND} AS kind,
                   count(*) FILTER (WHERE {STATE} = 'healthy') AS healthy,
                   count(*) FILTER (WHERE {STATE} = 'rotten') AS rotten
            FROM predictions WHERE user_uid = :user_uid AND {SHOWN} IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 2, 3""",
        expected={"user_uid": user_uid},
        scope=database.as_user(user_uid),
        user_uid=user_uid,
    )
    return [Count.model_validate(row) for row in rows]


def forget(uid: UUID, user_uid: UUID) -> None:
    """Remove a row."""
    database.query(
        "DELETE FROM predictions WHERE uid = :uid AND user_uid = :user_uid RETURNING uid, user_uid",
        expected={"uid": uid, "user_uid": user_uid},
        scope=database.as_user(user_uid),
        uid=uid,
        user_uid=user_uid,
    )


def forget_image(uid: UUID, user_uid: UUID, path: str) -> None:
    """Remove a photo from the archive, with every version of it, and with those that came by the same upload address
    before it: the row tells only of the last, and a photo's type and result decide where it lies."""
    _require_own(path, uid, user_uid)
    for place in PLACES:
        storage.archive().delete_all(f"{place}/{user_uid}/{uid}.")


def remember_forgotten(user_uid: UUID) -> None:
    """Keep in mind that no photo of a user may be recorded again."""
    database.query(
        "INSERT INTO forgotten_users (user_uid) VALUES (:user_uid) ON CONFLICT DO NOTHING", user_uid=user_uid
    )


def is_forgotten(user_uid: UUID) -> bool:
    """Whether a user's photos are gone for good."""
    rows = database.query(
        "SELECT user_uid FROM forgotten_users WHERE user_uid = :user_uid",
        expected={"user_uid": user_uid},
        user_uid=user_uid,
    )
    return bool(rows)


def some_photos(user_uid: UUID) -> list[tuple[UUID, str]]:
    """The ids and archive keys of up to a hundred of a user's photos."""
    rows = database.query(
        "SELECT uid, user_uid, image_path FROM predictions WHERE user_uid = :user_uid LIMIT 100",
        expected={"user_uid": user_uid},
        user_uid=user_uid,
    )
    return [(row["uid"], row["image_path"]) for row in rows]


def drop_all(user_uid: UUID) -> None:
    """Take everything of a user out of the events bucket, and with it the word that they are to be forgotten."""
    for prefix in (*(f"{stage}/{user_uid}/" for stage in STAGES), forget_key(user_uid)):
        storage.events().delete_all(prefix)


def read_arrived(created: CreatedObject) -> StoredObject:
    """The object that an event tells of. Raises MissingObjectError when it is gone."""
    return storage.events().get(created.key, created.version)


def keep_image(key: PhotoKey, photo: StoredObject, result: Result) -> None:
    """Put the photo into the archive."""
    storage.archive().put(image_path(key, result), photo)


def drop_classified(created: CreatedObject) -> None:
    """Take the classified photo out of the events bucket."""
    storage.events().delete(created.key, created.version)


def on_its_way(uid: UUID, user_uid: UUID) -> bool:
    """Whether a user's photo is in the events bucket; what was set aside there is on its way to nowhere."""
    found = (key for stage in STAGES for key in storage.events().keys(f"{stage}/{user_uid}/{uid}."))
    return any(PhotoKey.is_one(key) for key in found)


def image_url(stored: StoredRecord) -> str:
    """An address from which a record's photo can be read for some minutes. Raises MismatchError for another photo's."""
    _require_own(stored.image_path, stored.uid, stored.user_uid)
    return storage.archive().presigned_get(stored.image_path, settings.archive().image_url_expires_seconds)


def image_path(key: PhotoKey, result: Result) -> str:
    """The photo's key in the archive bucket."""
    return f"{REJECTED if result.reason else IMAGES}/{key.name}"


def _require_own(path: str, uid: UUID, user_uid: UUID) -> None:
    _, user, name = path.split("/")
    require_same("postgresql", (str(user_uid), str(uid)), (user, name.partition(".")[0]))
