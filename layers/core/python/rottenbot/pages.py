"""Long lists in pages, newest first: a cursor is the moment and the id of the last entry that was shown."""

import base64
import binascii
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID


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
