"""Spans, metrics and logs, in the terms of OpenTelemetry. While no endpoint is set they cost nothing, and nothing of
OpenTelemetry is imported."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Literal

from rottenbot import environment, settings

if TYPE_CHECKING:
    from rottenbot.otlp import Exporter

Attributes = Mapping[str, str | int | float | bool]
Kind = Literal["internal", "server", "client", "producer", "consumer"]
NOTHING: Attributes = {}


def start() -> None:
    """Import and set up what is needed, so that no request has to wait for it. Raises SettingsError."""
    _exporter()


@contextmanager
def span(
    name: str, attributes: Attributes = NOTHING, kind: Kind = "internal"
) -> Iterator[Callable[[Attributes], None]]:
    """A span around a block, which becomes an error when the block raises. Yields what adds attributes to it."""
    exporter = _exporter()
    if exporter is None:
        yield ignore
        return
    with exporter.span(name, attributes, kind) as add:
        yield add


@contextmanager
def continued(carrier: Mapping[str, str], since_ns: int | None = None) -> Iterator[None]:
    """The trace that a carrier (headers, or an object's metadata) tells of, for a block. With `since_ns`, the time at
    which the work was handed over, there is a span of the wait until now."""
    exporter = _exporter()
    if exporter is None:
        yield
        return
    with exporter.continued(carrier, since_ns):
        yield


def carrier() -> dict[str, str]:
    """What lets somebody else continue the trace of this block (W3C Trace Context); empty while telemetry is off."""
    exporter = _exporter()
    return exporter.carrier() if exporter else {}


def count(name: str, attributes: Attributes = NOTHING, value: int = 1) -> None:
    """Add to a counter."""
    if exporter := _exporter():
        exporter.count(name, value, attributes)


def record(name: str, value: float, attributes: Attributes = NOTHING, unit: str = "ms") -> None:
    """Record one value of a distribution."""
    if exporter := _exporter():
        exporter.record(name, value, attributes, unit)


def trace_ids() -> dict[str, str]:
    """The ids of the trace and of the span of this block, for a log line; empty while telemetry is off."""
    exporter = _exporter()
    return exporter.trace_ids() if exporter else {}


def flush() -> None:
    """Send what was gathered, before Lambda freezes the environment. Takes bounded time, and never raises."""
    if exporter := _exporter():
        exporter.gauge("memory_usage", environment.memory(), "By")
        exporter.flush()


@cache
def _exporter() -> "Exporter | None":
    config = settings.telemetry()
    if not config.otel_exporter_otlp_endpoint:
        return None
    from rottenbot.otlp import Exporter

    return Exporter(config.otel_exporter_otlp_endpoint, config.otel_service_name, config.telemetry_timeout_seconds)


def ignore(_: Attributes) -> None:
    """Add attributes to no span."""
