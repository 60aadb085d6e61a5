"""The auth calls over HTTP."""

import hmac
from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.auth import service
from functions.auth.models import LoggedIn, LoggedOut, LogIn, SignedUp, SignUp, TokenPair, User
from functions.auth.store import EmailTakenError
from rottenbot import http, settings

settings.check(settings.tokens, settings.signing, settings.attempts, settings.origin)
settings.check(settings.database, settings.redis, settings.events)

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
def log_in(request: Annotated[LogIn, Body()]) -> LoggedIn:
    return service.log_in(request, _address())


@app.route(
    "/api/v1/auth/refresh_token",
    method=["GET", "POST"],
    summary="Replace the refresh token",
    tags=["auth"],
    security=http.SECURED,
)
def refresh_token() -> TokenPair:
    return service.refresh(http.bearer(app, "refresh"))


@app.route("/api/v1/auth/logout", method=["GET", "POST"], summary="Log out", tags=["auth"], security=http.SECURED)
def log_out() -> LoggedOut:
    service.log_out(http.bearer(app))
    return LoggedOut()


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


def _address() -> str:
    key = settings.origin().origin_key
    headers = app.current_event.headers
    if key and hmac.compare_digest((headers.get("x-origin-key") or "").encode(), key.encode()):
        # CloudFront has added the address that it was called from, and API Gateway the one of CloudFront.
        return headers["x-forwarded-for"].split(",")[-2].strip()
    return app.current_event.request_context.identity.source_ip or "unknown"


handler = http.handler(app, service.warm)
