"""The HTTP side of a function: its router, who is calling, and the one place where an exception becomes an answer."""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path as FilesPath
from typing import Annotated, Any, Final
from uuid import UUID

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import OpenAPIRequestValidationMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestValidationError,
    ResponseValidationError,
)
from aws_lambda_powertools.event_handler.openapi.params import File, Query
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from rottenbot import bodies, cache, cors, environment, settings, telemetry, tokens
from rottenbot.logs import logger
from rottenbot.pages import InvalidCursorError
from rottenbot.problems import (
    CONTENT_TYPE,
    BadRequestError,
    ForbiddenError,
    Problem,
    UnavailableError,
    UnsupportedMediaError,
)

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], dict[str, Any]]
ErrorStatuses = Mapping[type[Exception], HTTPStatus]
NO_STORE: Final = {"Cache-Control": "no-store"}
PageCursor = Annotated[str | None, Query(max_length=200)]
PageLimit = Annotated[int, Query(ge=1, le=100)]
BEARER: Final = "bearer "
PLACES: Final = {"query": "query parameter", "path": "part of the address", "header": "header", "body": "field"}
REWORDED: Final = {
    "Field required": "is missing",
    "Input should be a valid dictionary or object to extract fields from": "should be a JSON object",
}
BROKEN: Final = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
SECURED: Final[list[dict[str, list[str]]]] = [{"bearer": []}]
SHARED_ERRORS: Final[ErrorStatuses] = {
    BadRequestError: HTTPStatus.BAD_REQUEST,
    InvalidCursorError: HTTPStatus.UNPROCESSABLE_ENTITY,
    tokens.InvalidTokenError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    UnsupportedMediaError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class Router(APIGatewayRestResolver):
    """Powertools' router, reading bodies as all kinds of clients write them and knowing each address's methods."""

    def __init__(self) -> None:
        super().__init__(enable_validation=True, response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR)
        self._request_validation_middleware = _RequestValidation()  # type: ignore[no-untyped-call]

    def methods(self, path: str) -> set[str]:
        """The methods that an address answers to; none for one that is unknown."""
        found = {route.method for route in self._static_routes + self._dynamic_routes if route.rule.match(path)}
        is_read = "GET" in found and "POST" not in found  # where POST does the same, GET changes something
        return found | ({"OPTIONS"} if found else set()) | ({"HEAD"} if is_read else set())


class _RequestValidation(OpenAPIRequestValidationMiddleware):
    # Powertools' own reader knows forms of one spelling only, and lets errors of Python's JSON decoder through.

    def handler(self, app: Any, next_middleware: NextMiddleware) -> Response[Any]:
        given = app.current_event.resolved_query_string_parameters
        for field in app.context["_route"].dependant.query_params:
            bodies.require_text(("query", field.alias), given.get(field.alias))
        return super().handler(app, next_middleware)

    def _get_body(self, app: Any) -> Any:
        (field,) = app.context["_route"].dependant.body_params
        if not isinstance(field.field_info, File):
            return bodies.read_json(app.current_event)
        fields = _form(app.current_event)
        if field.alias not in fields:
            raise bodies.invalid(("body", field.alias), "is missing: send a form (multipart/form-data) that has it")
        return fields


def _form(event: BaseProxyEvent) -> dict[str, Any]:
    from rottenbot import forms

    kind = bodies.media_type(event)
    if kind == forms.MEDIA_TYPE:
        return forms.read(event.headers["content-type"], bodies.content(event))
    if kind in ("", "application/json"):
        return {}
    raise UnsupportedMediaError(f"The body must be a form, {forms.MEDIA_TYPE}.")


def router(errors: ErrorStatuses) -> Router:
    """A validating router that answers each listed exception with its status and its own text as `detail`."""
    app = Router()
    statuses = {**SHARED_ERRORS, **errors}

    app.use([_never_cached, _empty_without_content])

    @app.exception_handler(list(statuses))
    def expected(error: Exception) -> Response[str]:
        status = next(statuses[kind] for kind in type(error).__mro__ if kind in statuses)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.warning("a part is unavailable", exc_info=error)
        return _respond(Problem(status, str(error), _headers(status, error)))

    @app.exception_handler(RequestValidationError)
    def invalid(error: RequestValidationError) -> Response[str]:
        fields = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        detail = " ".join(dict.fromkeys(_sentence(e["loc"], e["msg"]) for e in error.errors()))
        return _respond(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=fields))

    @app.exception_handler(ResponseValidationError)
    def wrong_answer(error: ResponseValidationError) -> Response[str]:
        logger.error(
            "an answer is not of the form that is documented", fields=[wrong["loc"] for wrong in error.errors()]
        )
        return _respond(BROKEN)

    @app.not_found
    def unknown(_: NotFoundError) -> Response[str]:
        method, methods = app.current_event.http_method, app.methods(app.current_event.path)
        if not methods:
            return _respond(Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address."))
        allow = {"Allow": ", ".join(sorted(methods))}
        if method == "OPTIONS":
            return Response(HTTPStatus.NO_CONTENT, headers=allow)
        detail = f"There is nothing at this address for {method}, only for {allow['Allow']}."
        return _respond(Problem(HTTPStatus.NOT_FOUND, detail, allow))

    return app


def handler(app: Router, warm: Callable[[], None]) -> Handler:
    """The Lambda handler over a router. An event `{"warmup": …}` runs `warm` in an environment that was not used yet,
    so that the next request finds all that is made on first use, and returns at once in any other. An exception that
    the router does not know becomes a 500 and a log line. `Server-Timing` tells how long an answer took, and for the
    first of an environment how long that took to start."""
    settings.check(settings.cors)
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
            answer = _answer(app, event, context)
            add(_outcome(answer["statusCode"]))
            milliseconds = (time.perf_counter() - began) * 1000
            timing = [f'cold;desc="cold start";dur={start:.1f}'] if start else []
            timing.append(f"app;dur={milliseconds:.1f}")
            more = answer.setdefault("multiValueHeaders", {})
            more["Server-Timing"] = [", ".join(timing)]
            more |= cors.headers(headers, method, more.get("Allow", []))
            logger.info("request", method=method, route=route, status=answer["statusCode"], timing=timing)
            _measure(method, route, answer["statusCode"], milliseconds, start)
        telemetry.flush()
        return answer

    return handle


def _answer(app: Router, event: Event, context: LambdaContext) -> dict[str, Any]:
    if event.get("httpMethod") == "HEAD":
        method = "GET" if "HEAD" in app.methods(event.get("path") or "") else "HEAD"
        return _without_body(_resolve(app, event | {"httpMethod": method}, context))
    return _resolve(app, event, context)


def _resolve(app: Router, event: Event, context: LambdaContext) -> dict[str, Any]:
    try:
        return app.resolve(event, context)
    except Exception:
        logger.exception("request failed")
        return _as_event(BROKEN)


def _without_body(answer: dict[str, Any]) -> dict[str, Any]:
    length = str(len((answer["body"] or "").encode()))
    answer.setdefault("multiValueHeaders", {})["Content-Length"] = [length]
    return answer | {"body": ""}


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


def _empty_without_content(app: APIGatewayRestResolver, call_next: NextMiddleware) -> Response[Any]:
    response = call_next(app)
    if response.status_code == HTTPStatus.NO_CONTENT:
        response.body = ""
        response.headers.pop("Content-Type", None)
    return response


def _sentence(place: tuple[str | int, ...], message: str) -> str:
    kind, *names = map(str, place)
    told = REWORDED.get(message, message.removeprefix("Value error, ").removeprefix("Input "))
    name = f"The {PLACES[kind]} `{'.'.join(names)}`" if names else "The body"
    told = told[:1].lower() + told[1:].removesuffix(".")
    return f"{name} {told}." if told.startswith(("is ", "has ", "should ")) else f"{name}: {told}."


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
