"""Writes functions/predict/openapi.json, the documentation of all functions' calls; `--check` only compares."""

import argparse
import importlib
import json
import os
import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, SecurityScheme

ROOT: Final = Path(__file__).resolve().parent.parent
OUTPUT: Final = ROOT / "functions" / "predict" / "openapi.json"
MODULES: Final = ("functions.auth.api", "functions.predict.api", "functions.archive.api")
# The functions check their settings when they are imported; nothing is connected to.
SETTINGS: Final = (
    "TOKEN_PUBLIC_KEYS",
    "TOKEN_SIGNING_KEY_SECRET",
    "DATABASE_HOST",
    "DATABASE_SECRET",
    "CURSOR_KEY_SECRET",
    "EVENTS_BUCKET",
    "ARCHIVE_BUCKET",
)
# What can go wrong beside what a call's parameters, body and security tell.
FAILURES: Final[dict[tuple[str, str], set[HTTPStatus]]] = {
    ("post", "/auth/signup"): {HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE},
    ("post", "/auth/login"): {HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE},
    ("get", "/auth/users"): {HTTPStatus.FORBIDDEN},
    ("post", "/inference/predict"): {HTTPStatus.FORBIDDEN},
    ("get", "/inference/reviews"): {HTTPStatus.FORBIDDEN},
    ("delete", "/inference/predictions/{uid}"): {HTTPStatus.CONFLICT},
    ("put", "/inference/predictions/{uid}/label"): {HTTPStatus.CONFLICT},
}
HEADERS: Final = {HTTPStatus.UNAUTHORIZED: "WWW-Authenticate", HTTPStatus.TOO_MANY_REQUESTS: "Retry-After"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if the committed file is out of date")
    text = json.dumps(document(), indent=1, sort_keys=True) + "\n"
    if not parser.parse_args().check:
        OUTPUT.write_text(text)
    elif OUTPUT.read_text() != text:
        print(f"{OUTPUT.relative_to(ROOT)} is out of date: run `make openapi`.", file=sys.stderr)
        return 1
    return 0


def document() -> dict[str, Any]:
    """The OpenAPI documents of the functions merged into one. Raises ValueError when two define a thing differently."""
    os.environ.update(dict.fromkeys(SETTINGS, "none") | {"REDIS_URL": "redis://none"})
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "RottenBot", "version": "1", "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "paths": {},
        "components": {"schemas": {}, "securitySchemes": {}},
    }
    scheme: dict[str, SecurityScheme] = {"bearer": HTTPBearer(bearerFormat="JWT")}
    for name in MODULES:
        app = importlib.import_module(name).app
        part = json.loads(app.get_openapi_json_schema(title="part", version="1", security_schemes=scheme))
        _add(merged["paths"], part["paths"])
        for kind in merged["components"]:
            _add(merged["components"][kind], part["components"].get(kind, {}))
    _describe_errors(merged)
    return merged


def _describe_errors(document: dict[str, Any]) -> None:
    # Every error is a problem (RFC 9457); the router would document its own form of a 422 instead.
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
        schemas.pop(name, None)
    text = {"type": "string"}
    wrong = {"type": "object", "properties": {"field": text, "message": text}}
    members = {"type": text, "title": text, "status": {"type": "integer"}, "detail": text}
    schemas["Problem"] = {
        "type": "object",
        "required": list(members),
        "properties": {**members, "errors": {"type": "array", "items": wrong}},
    }
    answers = document["components"]["responses"] = {}
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            for status in ("422", "500"):
                call["responses"].pop(status, None)
            call["responses"].get("204", {}).pop("content", None)
            for status in sorted(_failures(path, method, call)):
                answers[status.name] = _problem(status)
                call["responses"][str(int(status))] = {"$ref": f"#/components/responses/{status.name}"}


def _failures(path: str, method: str, call: dict[str, Any]) -> set[HTTPStatus]:
    found = {HTTPStatus.TOO_MANY_REQUESTS} | FAILURES.get((method, path.removeprefix("/api/v1")), set())
    if "security" in call:
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE}
    if "{" in path:
        found |= {HTTPStatus.NOT_FOUND}
    if "parameters" in call:
        found |= {HTTPStatus.UNPROCESSABLE_ENTITY}
    if "requestBody" in call:
        found |= {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        found |= {HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.UNPROCESSABLE_ENTITY}
    return found


def _problem(status: HTTPStatus) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answer: dict[str, Any] = {"description": status.phrase, "content": content}
    if name := HEADERS.get(status):
        kind = "integer" if name == "Retry-After" else "string"
        answer["headers"] = {name: {"required": True, "schema": {"type": kind}}}
    return answer


def _add(target: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if target.setdefault(key, value) != value:
            raise ValueError(f"{key} is defined twice, differently")


if __name__ == "__main__":
    sys.exit(main())
