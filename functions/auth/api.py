"""The auth calls over HTTP."""

import hmac
from http import HTTPStatus
from typing import Annotated, Final, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from functions.auth import keys, service
from functions.auth.models import LoggedIn, LoggedOut, LogIn, SignedUp, SignUp, TokenPair, User, UserPage
from functions.auth.store import EmailTakenError
from rottenbot import cache, database, health, http, settings

JSON: Final = "application/json"
COOKIE: Final = "__Host-refresh"  # by this name browsers take it only over TLS, and for this one host

settings.check(settings.tokens, settings.signing, settings.attempts, settings.origin)
settings.check(settings.database, settings.redis, settings.events, settings.cursors)

Pair = TypeVar("Pair", bound=TokenPair)
app = http.router(
    {
        EmailTakenError: HTTPStatus.FORBIDDEN,
        service.InvalidCredentialsError: HTTPStatus.UNAUTHORIZED,
        service.WeakPasswordError: HTTPStatus.UNPROCESSABLE_ENTITY,
        service.TooManyAttemptsError: HTTPStatus.TOO_MANY_REQUESTS,
    }
)


@app.post("/api/v1/auth/signup", summary="Create an account", tags=["auth"], status_code=HTTPStatus.CREATED)
def sign_up(request: Annotated[SignUp, Body()]) -> SignedUp:
    return SignedUp(user=service.sign_up(request, _address()))


@app.post("/api/v1/auth/login", summary="Log in", tags=["auth"])
def log_in(request: Annotated[LogIn, Body()]) -> Response[LoggedIn]:
    return _with_refresh_token(service.log_in(request, _address()))


@app.route(
    "/api/v1/auth/refresh_token",
    method=["GET", "POST"],
    summary="Replace the refresh token",
    tags=["auth"],
    security=http.SECURED,
)
def refresh_token() -> Response[TokenPair]:
    kept = _cookie() if _is_page() else None
    shown = http.verified(kept, "refresh") if kept else http.bearer(app, "refresh")
    return _with_refresh_token(service.refresh(shown))


@app.route("/api/v1/auth/logout", method=["GET", "POST"], summary="Log out", tags=["auth"], security=http.SECURED)
def log_out() -> Response[LoggedOut]:
    service.log_out(http.bearer(app))
    return Response(HTTPStatus.OK, JSON, LoggedOut(), cookies=[_kept("", 0)] if _is_page() else [])


@app.get("/api/v1/auth/me", summary="The account of the token", tags=["auth"], security=http.SECURED)
def me() -> User:
    return service.current_user(http.bearer(app))


@app.delete(
    "/api/v1/auth/me",
    summary="Remove the account with all its photos",
    tags=["auth"],
    status_code=HTTPStatus.NO_CONTENT,
    security=http.SECURED,
)
def forget_me() -> None:
    service.forget(http.bearer(app))


@app.get("/api/v1/auth/users", summary="Everybody's accounts, for admins", tags=["auth"], security=http.SECURED)
def users(
    cursor: http.PageCursor = None,
    limit: http.PageLimit = 20,
) -> UserPage:
    http.admin(app)
    return service.users(limit, cursor)


@app.get(
    "/api/v1/auth/health",
    summary="Whether accounts and log-ins answer",
    tags=["service"],
    responses=health.responses(health.Health),
)
def own_health(full: health.Asked = False) -> Response[health.Health | health.FullHealth]:
    checks = {"redis": cache.check, "database": database.check, "signing_key": keys.check}
    return health.answer(health.Health(), checks, full)


def _is_page() -> bool:
    # No other site's page can send this header; without it, a cookie counts for nothing.
    return app.current_event.headers.get("x-session") == "cookie"


def _with_refresh_token(pair: Pair) -> Response[Pair]:
    """An answer with the refresh token in it; or, for a page, in a cookie that no script can read."""
    if not _is_page():
        return Response(HTTPStatus.OK, JSON, pair)
    cookie = _kept(pair.refresh_token, settings.tokens().refresh_token_days * 86_400)
    return Response(HTTPStatus.OK, JSON, pair.model_copy(update={"refresh_token": ""}), cookies=[cookie])


def _kept(value: str, seconds: int) -> Cookie:
    return Cookie(COOKIE, value, path="/", http_only=True, max_age=seconds, same_site=SameSite.STRICT_MODE)


def _cookie() -> str | None:
    # A browser sends a `__Host-` cookie once. Two that differ come from one without that rule, where another site may
    # have planted its own, whose log-in the user would go on with: then none counts.
    event = app.current_event
    given = event.multi_value_headers.get("cookie") or [event.headers.get("cookie") or ""]
    pairs = (part.partition("=") for header in given for part in header.split(";"))
    values = {value.strip().strip('"') for name, _, value in pairs if name.strip() == COOKIE}
    values.discard("")
    return values.pop() if len(values) == 1 else None


def _address() -> str:
    key = settings.origin().origin_key
    headers = app.current_event.headers
    direct = app.current_event.request_context.identity.source_ip or "unknown"
    if key and hmac.compare_digest((headers.get("x-origin-key") or "").encode(errors="replace"), key.encode()):
        # CloudFront has added the address that it was called from, and API Gateway the one of CloudFront.
        *_, caller, _ = ["", "", *(headers.get("x-forwarded-for") or "").split(",")]
        return caller.strip() or direct
    return direct


handler = http.handler(app, service.warm)
