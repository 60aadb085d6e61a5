"""Answers to requests that failed, as RFC 9457 problem details."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

CONTENT_TYPE: Final = "application/problem+json"


class UnavailableError(Exception):
    """A part that the answer depends on cannot be reached; nothing was decided without it."""


class ForbiddenError(Exception):
    """The caller is known and may not do this."""


class BadRequestError(Exception):
    """The request is not of the form that the API documents."""


class UnsupportedMediaError(Exception):
    """The body is of a type that is not taken here."""


@dataclass(frozen=True)
class Problem:
    """One failed request: its HTTP status, a sentence for a person, and optionally the fields that are wrong."""

    status: int
    detail: str
    headers: dict[str, str] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)

    def body(self) -> str:
        """The JSON text of the answer."""
        document = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return json.dumps(document | ({"errors": self.errors} if self.errors else {}))
