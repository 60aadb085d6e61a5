"""What requests carry as text: JSON bodies, and the strings in them and in queries, checked before they go further."""

import binascii
import json
import re
from typing import Any, Final, NoReturn

from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from rottenbot.problems import BadRequestError, UnsupportedMediaError

Location = tuple[str | int, ...]
JSON_TYPE: Final = re.compile(r"application/(?:[^;]+\+)?json")
# PostgreSQL takes neither in a text, and UTF-8 has no form for the second.
UNFIT: Final = re.compile(r"[\0\ud800-\udfff]")
MAX_NAME: Final = 50  # of what a sender calls a field, in our sentence about it


def media_type(event: BaseProxyEvent) -> str:
    """The type that a body is declared to be of, in lower case and without parameters; empty if it is not."""
    return (event.headers.get("content-type") or "").partition(";")[0].strip().lower()


def content(event: BaseProxyEvent) -> bytes:
    """The body as it was sent. Raises BadRequestError."""
    body = event.body or ""
    if not event.is_base64_encoded:
        return body.encode(errors="replace")
    try:
        return binascii.a2b_base64(body)
    except ValueError as error:
        raise BadRequestError("The body is not valid base64.") from error


def read_json(event: BaseProxyEvent) -> Any:
    """The value of a JSON body, None for an empty one.

    Raises BadRequestError, UnsupportedMediaError, and RequestValidationError for a text that is not JSON or
    that has strings in it which cannot be stored.
    """
    kind = media_type(event)
    if kind and not JSON_TYPE.fullmatch(kind):
        raise UnsupportedMediaError("The body must be JSON, as Content-Type: application/json.")
    try:
        text = content(event).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequestError("The body is not valid UTF-8.") from error
    value = _parse(text) if text.strip() else None
    if isinstance(value, list):  # the router would take its first element
        raise BadRequestError("The body must be a JSON object.")
    require_text(("body",), value)
    return value


def require_text(place: Location, value: Any) -> None:
    """Raise RequestValidationError if a string in this value, however deep, is none that can be stored."""
    waiting = [(place, value)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*place[:3], name[:MAX_NAME]), one) for name, one in value.items()]
        elif isinstance(value, list):
            waiting += [(place, one) for one in value]
        elif isinstance(value, str) and UNFIT.search(value):
            raise invalid(place, "has a character that is no text (NUL, or half of a surrogate pair)")


def invalid(place: Location, message: str) -> RequestValidationError:
    """The exception for a value at `place` (its first element is `body`, `query`, `path` or `header`)."""
    return RequestValidationError([{"loc": place, "msg": message}])


def _parse(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        raise invalid(("body",), message) from error
    except RecursionError as error:
        raise invalid(("body",), "is nested too deeply") from error
    except ValueError as error:  # of Python's limit for the digits of an integer
        raise invalid(("body",), "has a number with too many digits") from error


def _refuse_constant(name: str) -> NoReturn:
    raise invalid(("body",), f"is not JSON: it has no {name}")
