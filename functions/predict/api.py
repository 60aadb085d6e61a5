"""The predict calls over HTTP, the health of the service, and the documentation of the whole API."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, File, Query, UploadFile

from functions.predict import service
from functions.predict.images import UnreadableImageError
from functions.predict.models import Health, Prediction, Upload, UploadRequest
from rottenbot import http, settings, telemetry
from rottenbot.problems import BadRequestError

OPENAPI: Final = Path(__file__).with_name("openapi.json")

settings.check(settings.tokens, settings.redis)
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
) -> Prediction:
    token = http.bearer(app)
    http.require_same_user(token, user_uid)
    if not isinstance(file, UploadFile):
        raise BadRequestError("Send exactly one photo in the form's field `file`.")
    with telemetry.span("read_image_contents"):
        photo = file.content
    return service.classify(photo, file.content_type, token.user_uid, keep=save_prediction)


@app.post(
    "/api/v1/inference/uploads",
    summary="An address to upload a photo to",
    tags=["inference"],
    status_code=HTTPStatus.CREATED,
    security=http.SECURED,
)
def upload(request: Annotated[UploadRequest, Body()]) -> Upload:
    return service.start_upload(request.content_type, http.bearer(app).user_uid)


@app.get("/api/v1/health", summary="Whether the service answers, and with which model", tags=["service"])
def health() -> Health:
    return Health(model_version=service.model.version, model_runtime=settings.model().model_runtime)


@app.get("/api/v1/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    return Response(HTTPStatus.OK, "application/json", OPENAPI.read_text())


@app.get("/api/v1/docs", include_in_schema=False)
def docs() -> Response[str]:
    return Response(HTTPStatus.OK, "text/html", http.documentation_page(OPENAPI.read_text()))


handler = http.handler(app, service.warm)
