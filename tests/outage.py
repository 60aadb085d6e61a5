"""Parts of a stack that are away for a while."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localstack import parts
from localstack.processes import Part
from localstack.stack import Stack


@contextmanager
def without(stack: Stack, name: str) -> Iterator[None]:
    """A block in which one part of the stack is not there."""
    makers: dict[str, Callable[[], Part]] = {
        "PostgreSQL": lambda: parts.postgres(stack.settings, stack.credentials),
        "Redis": lambda: parts.redis(stack.settings),
        "Archive": lambda: parts.archive(stack.settings, stack.credentials),
    }
    process = stack.processes.started[name]
    process.send_signal(signal.SIGINT if name == "PostgreSQL" else signal.SIGTERM)
    try:
        _end(process)
        yield
    finally:
        part = makers[name]()
        stack.processes.start(part)
        began = time.monotonic()
        while not stack.processes.ready(part, time.monotonic() - began):
            time.sleep(0.02)


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:  # SeaweedFS now and then waits for a connection of its own
        process.kill()
        process.wait(10)
