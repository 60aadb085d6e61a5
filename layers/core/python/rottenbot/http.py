"""The HTTP side of a function: its router, who is calling, and the one place where an exception becomes an answer."""

import base64
import time
from collections.abc import Callable, Mapping
from email.message import Message
from http import HTTPStatus
from pathlib import Path as FilesPath
from typing import Annotated, Any, Final
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
    ResponseValidationError,
)
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from rottenbot import cache, environment, telemetry, tokens
from rottenbot.logs import logger
from rottenbot.pages import InvalidCursorError
from rottenbot.problems import CONTENT_TYPE, BadRequestError, ForbiddenError, Problem, UnavailableError

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], dict[str, Any]]
ErrorStatuses = Mapping[type[Exception], HTTPStatus]
NO_STORE: Final = {"Cache-Control": "no-store"}
PageCursor = Annotated[str | None, Query(max_length=200)]
PageLimit = Annotated[int, Query(ge=1, le=100)]
BEARER: Final = "bearer "
BROKEN: Final = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
SECURED: Final[list[dict[str, list[str]]]] = [{"bearer": []}]
SHARED_ERRORS: Final[ErrorStatuses] = {
    BadRequestError: HTTPStatus.BAD_REQUEST,
    InvalidCursorError: HTTPStatus.UNPROCESSABLE_ENTITY,
    tokens.InvalidTokenError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def router(errors: ErrorStatuses) -> APIGatewayRestResolver:
    """A validating router that answers each listed exception with its status and its own text as `detail`."""
    app = APIGatewayRestResolver(
        enable_validation=True, response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR
    )
    statuses = {**SHARED_ERRORS, **errors}

    app.use([_never_cached])

    @app.exception_handler(list(statuses))
    def expected(error: Exception) -> Response[str]:
        status = next(statuses[kind] for kind in type(error).__mro__ if kind in statuses)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.warning("a part is unavailable", exc_info=error)
        return _respond(Problem(status, str(error), _headers(status, error)))

    @app.exception_handler(RequestValidationError)
    def invalid(error: RequestValidationError) -> Response[str]:
        fields = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        detail = "; ".join(f"{wrong['field']}: {wrong['message']}" for wrong in fields)
        return _respond(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=fields))

    @app.exception_handler(ResponseValidationError)
    def wrong_answer(error: ResponseValidationError) -> Response[str]:
        logger.error(
            "an answer is not of the form that is documented", fields=[wrong["loc"] for wrong in error.errors()]
        )
        return _respond(BROKEN)

    @app.exception_handler(RequestUnsupportedContentType)
    def unsupported(_: RequestUnsupportedContentType) -> Response[str]:
        detail = "The body must be JSON, or for a photo multipart/form-data."
        return _respond(Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail))

    @app.exception_handler(UnicodeDecodeError)
    def undecodable(_: UnicodeDecodeError) -> Response[str]:
        return _respond(Problem(HTTPStatus.BAD_REQUEST, "The body is not valid UTF-8."))

    @app.not_found
    def unknown(_: NotFoundError) -> Response[str]:
        return _respond(Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address."))

    return app


def handler(app: APIGatewayRestResolver, warm: Callable[[], None]) -> Handler:
    """The Lambda handler over a router. An event `{"warmup": …}` runs `warm` in an environment that was not used yet,
    so that the next request finds all that is made on first use, and returns at once in any other. An exception that
    the router does not know becomes a 500 and a log line. `Server-Timing` tells how long an answer took, and for the
    first of an environment how long that took to start."""
    telemetry.start()

    @logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
    def handle(event: Event, context: LambdaContext) -> dict[str, Any]:
        began, first = time.perf_counter(), environment.enter()
        start = environment.age() * 1000 if first else None
        if "warmup" in event:
            if first:
                cache.warm()
                warm()
            return {"environment": environment.IDENTITY, "started": first}
        method, route = event.get("httpMethod", ""), event.get("resource", "")
        asked = {"http.request.method": method, "http.route": route, "faas.coldstart": first, "faas.trigger": "http"}
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        with telemetry.continued(headers), telemetry.span(f"{method} {route}", asked, "server") as add:
            logger.append_keys(**telemetry.trace_ids())
            answer = _answer(app, event, headers, context)
            add(_outcome(answer["statusCode"]))
            milliseconds = (time.perf_counter() - began) * 1000
            timing = [f'cold;desc="cold start";dur={start:.1f}'] if start else []
            timing.append(f"app;dur={milliseconds:.1f}")
            answer.setdefault("multiValueHeaders", {})["Server-Timing"] = [", ".join(timing)]
            logger.info("request", method=method, route=route, status=answer["statusCode"], timing=timing)
            _measure(method, route, answer["statusCode"], milliseconds, start)
        telemetry.flush()
        return answer

    return handle


def _answer(
    app: APIGatewayRestResolver, event: Event, headers: dict[str, str], context: LambdaContext
) -> dict[str, Any]:
    try:
        _check_body(event, headers)
        return app.resolve(event, context)
    except BadRequestError as error:
        return _as_event(Problem(HTTPStatus.BAD_REQUEST, str(error)))
    except Exception:
        logger.exception("request failed")
        return _as_event(BROKEN)


def _outcome(status: int) -> telemetry.Attributes:
    outcome: telemetry.Attributes = {"http.response.status_code": int(status)}
    return {**outcome, "error.type": str(int(status))} if status >= HTTPStatus.INTERNAL_SERVER_ERROR else outcome


def _measure(method: str, route: str, status: int, milliseconds: float, start: float | None) -> None:
    api = "auth" if "/auth/" in route else "inference"
    asked: telemetry.Attributes = {"method": method, "route": route}
    telemetry.count(f"{api}_api_requests", {**asked, "status": int(status)})
    telemetry.record(f"{api}_api_duration", milliseconds, asked)
    if start:
        telemetry.count("cold_starts")
        telemetry.record("cold_start_duration", start)


def bearer(app: APIGatewayRestResolver, kind: tokens.Kind = "access") -> tokens.Token:
    """The caller's token, verified and not revoked. Raises InvalidTokenError or UnavailableError."""
    given = app.current_event.headers.get("authorization") or ""
    if not given.lower().startswith(BEARER):
        raise tokens.InvalidTokenError("Please log in: send the access token as a bearer token.")
    return verified(given[len(BEARER) :].strip(), kind)


def verified(encoded: str, kind: tokens.Kind) -> tokens.Token:
    """A token, wherever it came from, verified and not revoked. Raises InvalidTokenError or UnavailableError."""
    with telemetry.span("verify_token"):
        token = tokens.verify(kind, encoded)
        if kind == "access":
            cache.require_session(token)
    return token


def admin(app: APIGatewayRestResolver) -> tokens.Token:
    """The token of a caller who is an admin. Raises ForbiddenError for anybody else, and as `bearer` does."""
    token = bearer(app)
    if token.role != tokens.ADMIN:
        raise ForbiddenError("Only admins may do this.")
    return token


def require_same_user(token: tokens.Token, user_uid: UUID | None) -> None:
    """Raise ForbiddenError when a request names a user other than the one who sends it."""
    if user_uid not in (None, token.user_uid):
        raise ForbiddenError("user_uid is not the user of this token.")


def documentation_page(openapi: str) -> str:
    """A page over an OpenAPI document that loads nothing from elsewhere: Swagger UI's files come with powertools."""
    from aws_lambda_powertools.event_handler.openapi import swagger_ui

    files = FilesPath(swagger_ui.__file__).parent
    return swagger_ui.generate_swagger_html(
        openapi,
        (files / "swagger-ui-bundle.min.js").read_text(),
        (files / "swagger-ui.min.css").read_text(),
        swagger_base_url="",
        oauth2_config=None,
    )


def _never_cached(app: APIGatewayRestResolver, call_next: NextMiddleware) -> Response[Any]:
    response = call_next(app)
    response.headers.update({**NO_STORE, **response.headers})
    return response


def _headers(status: int, error: Exception) -> dict[str, str]:
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if retry_after := getattr(error, "retry_after", None):
        headers["Retry-After"] = str(retry_after)
    return headers


def _respond(problem: Problem) -> Response[str]:
    return Response(problem.status, CONTENT_TYPE, problem.body(), {**NO_STORE, **problem.headers})


def _as_event(problem: Problem) -> dict[str, Any]:
    return {
        "statusCode": problem.status,
        "headers": {"Content-Type": CONTENT_TYPE, **NO_STORE},
        "body": problem.body(),
        "isBase64Encoded": False,
    }


def _check_body(event: Event, headers: dict[str, str]) -> None:
    # What the router lets through: it takes the first element of an array, and any bytes as the one part of a form.
    message = Message()
    message["Content-Type"] = headers.get("content-type", "")
    body = event.get("body") or ""
    if message.get_content_type() == "multipart/form-data":
        boundary = message.get_boundary()
        start = base64.b64decode(body[:400]) if event.get("isBase64Encoded") else body[:300].encode()
        if not boundary or not start.startswith(f"--{boundary}".encode()):
            raise BadRequestError("The body is not the multipart form that its content type announces.")
    elif body.lstrip().startswith("["):
        raise BadRequestError("The body must be a JSON object.")
