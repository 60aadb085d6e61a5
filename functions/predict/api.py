"""The predict calls over HTTP, the health of the service, and the documentation of the whole API."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, File, Header, Query, UploadFile

from functions.predict import classifier, service
from functions.predict.declared import UNKNOWN
from functions.predict.images import UnreadableImageError
from functions.predict.models import Model, ModelHealth, Prediction, Upload, UploadRequest
from rottenbot import cache, health, http, settings, storage, telemetry
from rottenbot.problems import BadRequestError

OPENAPI: Final = Path(__file__).with_name("openapi.json")

settings.check(settings.tokens, settings.redis)
# The same photo sent again under the same key, after an answer that never came, gets the same id.
IdempotencyKey = Annotated[UUID | None, Header(alias="Idempotency-Key")]
app = http.router(
    {
        service.UnsupportedTypeError: HTTPStatus.BAD_REQUEST,
        service.PhotoTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        UnreadableImageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


@app.post("/api/v1/inference/predict", summary="Classify a photo", tags=["inference"], security=http.SECURED)
def predict(
    file: Annotated[UploadFile | list[UploadFile], File(json_schema_extra={"type": "string", "format": "binary"})],
    save_prediction: Annotated[bool, Query()] = False,
    user_uid: Annotated[UUID | None, Query()] = None,
    with_map: Annotated[bool, Query(alias="map")] = False,
    idempotency_key: IdempotencyKey = None,
) -> Prediction:
    token = http.bearer(app)
    http.require_same_user(token, user_uid)
    if not isinstance(file, UploadFile):
        raise BadRequestError("Send exactly one photo in the form's field `file`.")
    with telemetry.span("read_image_contents"):
        photo = file.content
    uid = service.new_uid(token.user_uid, idempotency_key) if save_prediction else None
    said = file.content_type or (UNKNOWN if file.filename else None)  # a part without either may be no file at all
    return service.classify(photo, said, token.user_uid, uid, with_map)


@app.post(
    "/api/v1/inference/uploads",
    summary="An address to upload a photo to",
    tags=["inference"],
    status_code=HTTPStatus.CREATED,
    security=http.SECURED,
)
def upload(request: Annotated[UploadRequest, Body()], idempotency_key: IdempotencyKey = None) -> Upload:
    user_uid = http.bearer(app).user_uid
    return service.start_upload(request.content_type, user_uid, service.new_uid(user_uid, idempotency_key))


@app.get(
    "/api/v1/inference/model",
    summary="The model, and how well it does",
    tags=["inference"],
    security=http.SECURED,
)
def model() -> Model:
    http.bearer(app)
    return Model.model_validate(classifier.metadata())


@app.get(
    "/api/v1/health",
    summary="Whether the service answers, and with which model",
    tags=["service"],
    responses=health.responses(ModelHealth),
)
def own_health(full: health.Asked = False) -> Response[ModelHealth | health.FullHealth]:
    plain = ModelHealth(model_version=service.model.version, model_runtime=settings.model().model_runtime)
    return health.answer(plain, {"redis": cache.check, "events_bucket": lambda: storage.events().check()}, full)


@app.get("/api/v1/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(HTTPStatus.OK, "application/json", OPENAPI.read_text())


@app.get("/api/v1/docs", include_in_schema=False)
def docs() -> Response[str]:
    return Response(HTTPStatus.OK, "text/html", http.documentation_page(OPENAPI.read_text()))


handler = http.handler(app, service.warm)
