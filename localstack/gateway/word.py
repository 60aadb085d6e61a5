"""The word on standard input that the stack is whole, before which the public port stays shut."""

import select
import sys
from collections.abc import Callable


def wait_for_word(meanwhile: Callable[[], None] = lambda: None) -> None:
    """Return when the word has come, calling `meanwhile` ten times a second. Exits when nobody is left to give it."""
    while not select.select([sys.stdin], [], [], 0.1)[0]:
        meanwhile()
    if not sys.stdin.readline():
        sys.exit("whoever started this has gone.")
