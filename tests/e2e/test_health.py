"""What each function says of the parts that it depends on."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from localstack.stack import Stack

DEPENDENCIES = {
    "/health": {"redis", "events_bucket"},
    "/auth/health": {"redis", "database", "signing_key"},
    "/archive/health": {"redis", "database", "events_bucket", "archive_bucket"},
}
LONGEST_SECONDS = 29  # that API Gateway waits


def asked(stack: Stack) -> dict[str, requests.Response]:
    """The answers to the full question, by path."""

    def ask(path: str) -> requests.Response:
        return requests.get(f"{stack.url}/api/v1{path}?full=true", timeout=LONGEST_SECONDS)

    with ThreadPoolExecutor() as threads:
        return dict(zip(DEPENDENCIES, threads.map(ask, DEPENDENCIES), strict=True))


def expect(stack: Stack, away: set[str]) -> None:
    for path, answer in asked(stack).items():
        states = {name: "unavailable" if name in away else "ok" for name in DEPENDENCIES[path]}
        degraded = "unavailable" in states.values()
        assert answer.json() == {"status": "degraded" if degraded else "ok", "dependencies": states}, path
        assert answer.status_code == (503 if degraded else 200), path
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"


@contextmanager
def silent(stack: Stack, name: str) -> Iterator[None]:
    """A block in which a part takes connections and says nothing."""
    stack.processes.started[name].send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        stack.processes.started[name].send_signal(signal.SIGCONT)


def test_all_is_well_and_nobody_needs_to_log_in(stack: Stack) -> None:
    expect(stack, away=set())


@pytest.mark.parametrize(
    ("part", "away"),
    [("Redis", {"redis"}), ("PostgreSQL", {"database"}), ("Archive", {"archive_bucket"})],
)
def test_a_part_that_is_away_is_named_alone(
    stack: Stack, outage: Callable[[str], Any], part: str, away: set[str]
) -> None:
    with outage(part):
        expect(stack, away)
        for path in DEPENDENCIES:
            answer = requests.get(f"{stack.url}/api/v1{path}", timeout=LONGEST_SECONDS)
            assert answer.status_code == 200
            assert answer.json()["status"] == "ok"
    expect(stack, away=set())


@pytest.mark.parametrize(
    ("part", "away"),
    [("LocalStack", {"events_bucket", "signing_key"}), ("Redis", {"redis"}), ("Archive", {"archive_bucket"})],
)
def test_a_part_that_says_nothing_is_named_within_the_time_of_a_request(
    stack: Stack, part: str, away: set[str]
) -> None:
    with silent(stack, part):
        expect(stack, away)
    expect(stack, away=set())


def test_the_answers_tell_no_address_and_no_secret(stack: Stack, outage: Callable[[str], Any]) -> None:
    with outage("PostgreSQL"):
        text = "".join(answer.text for answer in asked(stack).values())
    assert "127.0.0.1" not in text
    assert "Error" not in text
    assert stack.credentials.database_password not in text
