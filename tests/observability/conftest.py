"""A stack that is observed, and what its collector received."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from localstack.client import Client
from localstack.settings import ROOT, Settings
from localstack.stack import Stack, running
from localstack.status.received import Received, Span
from localstack.status.server import serving


@dataclass
class Collector(Received):
    """`delay` is how many seconds it takes to answer."""

    url: str = ""
    delay: float = 0.0

    def take(self, path: str, body: bytes) -> bool:
        time.sleep(self.delay)
        return super().take(path, body)

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

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
