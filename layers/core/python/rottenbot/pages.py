"""Long lists in pages, newest first: a cursor is the moment and the id of the last entry that was shown.

A cursor is bound to its list by an HMAC, so that only what a page of that very list ended with comes back.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol, Self
from uuid import UUID

from rottenbot import secrets, settings

MAC_BYTES: Final = 16
NOT_OURS: Final = "The cursor is not one that a page of this list ended with. Leave it out for the first page."
# The end of a query for the entries after a cursor; `parameters` has its values.
NEWEST_FIRST: Final = """(CAST(:uid AS uuid) IS NULL OR (created_at, uid) < (CAST(:created_at AS timestamptz), :uid))
            ORDER BY created_at DESC, uid DESC LIMIT :limit"""


class InvalidCursorError(Exception):
    """The cursor was not made here, or for another list."""


class Cursor(NamedTuple):
    """The place in a list after which the next page begins."""

    created_at: datetime
    uid: UUID

    @classmethod
    def decode(cls, text: str | None, of: str) -> Self | None:
        """Read what `encode` wrote for the same list; None for a first page. Raises InvalidCursorError, and
        UnavailableError when the key cannot be read."""
        if not text:
            return None
        try:
            decoded = base64.urlsafe_b64decode(text.encode("ascii"))
        except (binascii.Error, ValueError) as error:
            raise InvalidCursorError(NOT_OURS) from error
        mac, entry = decoded[:MAC_BYTES], decoded[MAC_BYTES:]
        if not hmac.compare_digest(mac, _mac(of, entry)):
            raise InvalidCursorError(NOT_OURS)
        created_at, uid = entry.decode().split(" ")
        return cls(datetime.fromisoformat(created_at), UUID(uid))

    def encode(self, of: str) -> str:
        """As text for a query of the list `of`."""
        entry = f"{self.created_at.isoformat()} {self.uid}".encode()
        return base64.urlsafe_b64encode(_mac(of, entry) + entry).decode()


class Entry(Protocol):
    """What can stand in a list."""

    created_at: datetime
    uid: UUID


def parameters(after: Cursor | None, limit: int) -> dict[str, Any]:
    """The values of `NEWEST_FIRST`."""
    created_at, uid = after or (None, None)
    return {"created_at": created_at, "uid": uid, "limit": limit}


def next_cursor(entries: Sequence[Entry], limit: int, of: str) -> str | None:
    """The cursor after a page of `limit` entries of the list `of`, None where there are no more of them than that."""
    last = entries[limit - 1] if len(entries) > limit else None
    return Cursor(last.created_at, last.uid).encode(of) if last else None


def _mac(of: str, entry: bytes) -> bytes:
    key = secrets.read_text(settings.cursors().cursor_key_secret)
    return hmac.digest(key.encode(), of.encode() + b"\0" + entry, "sha256")[:MAC_BYTES]
