"""Parts of a stack that are away for a while."""

import json
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


@contextmanager
def giving_up_at_once(stack: Stack, queue: str) -> Iterator[None]:
    """A block in which what fails once is not tried again."""
    sqs, address = stack.aws("sqs"), stack.resource(queue)
    names = ["RedrivePolicy", "VisibilityTimeout"]
    before = sqs.get_queue_attributes(QueueUrl=address, AttributeNames=names)["Attributes"]
    policy = json.loads(before["RedrivePolicy"]) | {"maxReceiveCount": 1}
    sqs.set_queue_attributes(
        QueueUrl=address, Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"}
    )
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=address, Attributes=before)


class paused:  # noqa: N801
    """A block in which the queue of a function is not read."""

    def __init__(self, stack: Stack, function: str) -> None:
        self.lambdas = stack.aws("lambda")
        name = stack.resource(function)
        (mapping,) = self.lambdas.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        self.uuid = mapping["UUID"]

    def __enter__(self) -> None:
        self._set(enabled=False)

    def __exit__(self, *_: object) -> None:
        self._set(enabled=True)

    def _set(self, enabled: bool) -> None:
        self.lambdas.update_event_source_mapping(UUID=self.uuid, Enabled=enabled)
        wanted = "Enabled" if enabled else "Disabled"
        while self.lambdas.get_event_source_mapping(UUID=self.uuid)["State"] != wanted:
            time.sleep(0.05)
