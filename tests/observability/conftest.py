"""A stack that is observed, and what its collector received."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest

from localstack.client import Client
from localstack.settings import ROOT, Settings
from localstack.stack import Stack, running
from localstack.status.received import Received, Span
from localstack.status.server import serving

TRIES: Final = 3
LONGER_THAN_THE_PAUSE: Final = 15.0  # in which nothing is sent after a collector did not answer in time


@dataclass
class Collector(Received):
    """`delay` is how many seconds it takes to answer."""

    url: str = ""
    delay: float = 0.0

    def take(self, path: str, body: bytes) -> bool:
        time.sleep(self.delay)
        return super().take(path, body)

    def trace(self, names: set[str], of: Callable[[], object]) -> list[Span]:
        """The spans of the one trace of a deed that has all of these names. The deed is done again when they do not
        come, because what a busy machine cannot send in time is dropped."""
        for _ in range(TRIES):
            before = {span.trace_id for span in list(self.spans)}
            of()
            deadline = time.monotonic() + LONGER_THAN_THE_PAUSE
            while time.monotonic() < deadline:
                new = self._traces(before)
                for spans in new:
                    if names <= {span.name for span in spans}:
                        return spans
                time.sleep(0.1)
        raise AssertionError(f"no trace has {names}, but: {[{one.name for one in spans} for spans in new]}")

    def _traces(self, before: set[str]) -> list[list[Span]]:
        traces: dict[str, list[Span]] = {}
        for span in list(self.spans):
            if span.trace_id not in before:
                traces.setdefault(span.trace_id, []).append(span)
        return list(traces.values())

    def metrics(self) -> set[str]:
        return {series.name for series in self.series}


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    collector = Collector()
    with serving(collector, {}) as collector.url:
        yield collector


@pytest.fixture(scope="package")
def observed(collector: Collector) -> Iterator[Stack]:
    settings = Settings.read().on_free_ports(ROOT / ".rottenbot" / "test-observed")
    with running(replace(settings, otel_exporter_otlp_endpoint=collector.url), print, fresh=True) as stack:
        yield stack


@pytest.fixture
def user(observed: Stack) -> Client:
    return Client(observed.url).join()
