"""Long lists in pages, newest first: a cursor is the moment and the id of the last entry that was shown."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol, Self
from uuid import UUID

# The end of a query for the entries after a cursor; `parameters` has its values.
NEWEST_FIRST: Final = """(CAST(:uid AS uuid) IS NULL OR (created_at, uid) < (CAST(:created_at AS timestamptz), :uid))
            ORDER BY created_at DESC, uid DESC LIMIT :limit"""


class InvalidCursorError(Exception):
    """The cursor was not made here."""


class Cursor(NamedTuple):
    """The place in a list after which the next page begins."""

    created_at: datetime
    uid: UUID

    @classmethod
    def decode(cls, text: str | None) -> Self | None:
        """Read what `encode` wrote; None for a first page. Raises InvalidCursorError."""
        if not text:
            return None
        try:
            created_at, uid = base64.urlsafe_b64decode(text).decode().split(" ")
            return cls(datetime.fromisoformat(created_at), UUID(uid))
        except (binascii.Error, ValueError) as error:
            raise InvalidCursorError("The cursor is not one that a page ended with.") from error

    def encode(self) -> str:
        """As text for a query."""
        return base64.urlsafe_b64encode(f"{self.created_at.isoformat()} {self.uid}".encode()).decode()


class Entry(Protocol):
    """What can stand in a list."""

    created_at: datetime
    uid: UUID


def parameters(after: Cursor | None, limit: int) -> dict[str, Any]:
    """The values of `NEWEST_FIRST`."""
    created_at, uid = after or (None, None)
    return {"created_at": created_at, "uid": uid, "limit": limit}


def next_cursor(entries: Sequence[Entry], limit: int) -> str | None:
    """The cursor after a page of `limit` of these, None where there are no more of them than that."""
    last = entries[limit - 1] if len(entries) > limit else None
    return Cursor(last.created_at, last.uid).encode() if last else None
