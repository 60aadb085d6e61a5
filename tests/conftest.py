"""One running stack for every test that needs one, on free ports and with state of its own."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis

from localstack import aws, parts
from localstack.client import Client
from localstack.settings import ROOT, Settings
from localstack.stack import Stack, running
from tests.outage import without

PHOTOS = ROOT / "tests" / "photos"
QUEUES = ("UploadsQueue", "ClassifiedQueue")
DEAD_LETTERS = ("UploadsDeadLetters", "ClassifiedDeadLetters")
RETRY_SECONDS = "2"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    state = ROOT / ".rottenbot" / "test"
    with running(Settings.read().on_free_ports(state), print, fresh=True) as stack:
        for queue in (*QUEUES, *DEAD_LETTERS):  # so that a retry comes in seconds, not minutes
            address = stack.resource(queue)
            stack.aws("sqs").set_queue_attributes(QueueUrl=address, Attributes={"VisibilityTimeout": RETRY_SECONDS})
        yield stack


@pytest.fixture
def client(stack: Stack) -> Client:
    """Somebody who has just joined, from an address that has not tried anything yet."""
    with redis.Redis(port=stack.settings.rottenbot_redis_port) as store:
        store.delete(*(store.keys("attempts:address:*") or ["none"]))
    return Client(stack.url).join()


@pytest.fixture(scope="session")
def deployed(stack: Stack) -> Iterator[Stack]:
    """The stack, and this process given the environment variables of its functions, to call their code directly; as the
    owner of the database."""
    before = dict(os.environ)
    os.environ.update(aws.variables(parts.localstack_url(stack.settings)))
    for name in ("AuthFunction", "PredictFunction", "ArchiveFunction", "MigrateFunction"):
        os.environ.update(stack.variables(name))
    yield stack
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def outage(stack: Stack) -> Callable[[str], Any]:
    """Makes a block in which one part of the stack is not there."""
    return partial(without, stack)


@pytest.fixture
def photo() -> Path:
    return PHOTOS / "Banana__Healthy.jpg"


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Waits until something is so, and fails when it is not within half a minute."""

    def wait(condition: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.1)

    return wait
