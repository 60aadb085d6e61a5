"""Reading the record over HTTP."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query

from functions.archive import service
from functions.archive.models import (
    Counts,
    Filter,
    Label,
    PendingRecord,
    RecordPage,
    RecordWithImage,
    ReviewPage,
    State,
    Status,
)
from rottenbot import cache, database, health, http, settings, storage
from rottenbot.photos import Kind
from rottenbot.times import Moment

settings.check(settings.tokens, settings.redis, settings.events, settings.archive, settings.database, settings.cursors)
app = http.router(
    {
        service.UnknownPredictionError: HTTPStatus.NOT_FOUND,
        service.UnknownClassError: HTTPStatus.UNPROCESSABLE_ENTITY,
        service.StillOnItsWayError: HTTPStatus.CONFLICT,
    }
)


@app.get("/api/v1/inference/predictions", summary="Saved photos, newest first", tags=["archive"], security=http.SECURED)
def predictions(
    cursor: http.PageCursor = None,
    limit: http.PageLimit = 20,
    class_name: Annotated[str | None, Query(alias="class", max_length=100, pattern=r"^[^\x00]*$")] = None,
    status: Annotated[Status | None, Query()] = None,
    kind: Annotated[Kind | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    images: Annotated[bool, Query()] = False,
) -> RecordPage:
    wanted = Filter(class_name, status, kind, state, since, until)
    return service.page(http.bearer(app).user_uid, limit, cursor, wanted, images)


@app.get(
    "/api/v1/inference/reviews",
    summary="Everybody's saved photos, newest first, for admins",
    tags=["archive"],
    security=http.SECURED,
)
def reviews(
    cursor: http.PageCursor = None,
    limit: http.PageLimit = 20,
    corrected: Annotated[bool, Query()] = False,
) -> ReviewPage:
    http.admin(app)
    return service.reviews(limit, cursor, corrected)


@app.get("/api/v1/inference/predictions/<uid>", summary="One saved photo", tags=["archive"], security=http.SECURED)
def prediction(uid: Annotated[UUID, Path()]) -> RecordWithImage | PendingRecord:
    return service.read(uid, http.bearer(app).user_uid)


@app.delete(
    "/api/v1/inference/predictions/<uid>",
    summary="Remove a saved photo and its record",
    tags=["archive"],
    status_code=HTTPStatus.NO_CONTENT,
    security=http.SECURED,
)
def forget(uid: Annotated[UUID, Path()]) -> None:
    service.forget(uid, http.bearer(app).user_uid)


@app.put(
    "/api/v1/inference/predictions/<uid>/label",
    summary="Say what a saved photo shows",
    tags=["archive"],
    security=http.SECURED,
)
def correct(uid: Annotated[UUID, Path()], label: Annotated[Label, Body()]) -> RecordWithImage:
    return service.correct(uid, http.bearer(app).user_uid, label.class_name, label.share)


@app.get(
    "/api/v1/inference/stats",
    summary="Healthy and rotten photos by day and kind",
    tags=["archive"],
    security=http.SECURED,
)
def stats() -> Counts:
    return service.counts(http.bearer(app).user_uid)


@app.get(
    "/api/v1/archive/health",
    summary="Whether the record of saved photos answers",
    tags=["service"],
    responses=health.responses(health.Health),
)
def own_health(full: health.Asked = False) -> Response[health.Health | health.FullHealth]:
    checks = {"redis": cache.check, "database": database.check}
    buckets = {"events_bucket": lambda: storage.events().check(), "archive_bucket": lambda: storage.archive().check()}
    return health.answer(health.Health(), checks | buckets, full)


handler = http.handler(app, service.warm)
