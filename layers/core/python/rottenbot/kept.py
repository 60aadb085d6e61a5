"""Connections that are kept between invocations.

They pair answers with questions by order alone. An exchange that stops half-way, by whatever exception, leaves an
answer unread, and everybody after it would get the answer to somebody else's question.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Connection = TypeVar("Connection")


class Kept(Generic[Connection]):
    """A connection that is used again only after an exchange that is known to have ended well."""

    def __init__(self, connect: Callable[[], Connection], close: Callable[[Connection], None]) -> None:
        self._connect = connect
        self._close = close
        self._connection: Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection from an earlier exchange."""
        return self._connection is not None

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """The connection for one exchange, nobody else's while it runs; anything that is raised in it closes it."""
        connection, self._connection = self._connection, None
        if connection is None:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            self._close(connection)
            raise
        self._connection = connection
