"""Exceptions thrown into the middle of a call, at every line that it runs in some modules, one after the other."""

import itertools
import sys
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any


class Interruption(BaseException):
    """What nothing expects: as KeyboardInterrupt does, it may come at any line."""


def each_step(call: Callable[[], object], *modules: ModuleType) -> Iterator[int]:
    """Call again and again, interrupted at the first line that it runs in these modules, at the second, and so on until
    it comes to its end; yields the number of the line after each interrupted call."""
    files = {module.__file__ for module in modules}
    for step in itertools.count(1):
        if not _interrupted(call, files, step):
            return
        yield step


def _interrupted(call: Callable[[], object], files: set[str | None], step: int) -> bool:
    left = step

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise Interruption
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Interruption:
        pass
    finally:
        sys.settrace(before)
    return left <= 0  # also where it was swallowed: nothing leaves a finaliser
