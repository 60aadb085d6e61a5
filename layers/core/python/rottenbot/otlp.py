"""OpenTelemetry's SDK, set up for an environment that may be frozen between two invocations: spans, metrics and log
lines are gathered while one runs, and sent over OTLP/HTTP before it ends."""

import http.client
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from opentelemetry import context, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.metrics import Counter, Histogram, _Gauge
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind

from rottenbot.environment import IDENTITY
from rottenbot.kept import Kept
from rottenbot.logs import logger
from rottenbot.telemetry import Attributes, Kind, ignore

PAUSE_SECONDS: Final = 10.0
MOST: Final = 2000
DROPPED: Final = "telemetry_dropped"
SEVERITIES: Final = {
    "DEBUG": SeverityNumber.DEBUG,
    "INFO": SeverityNumber.INFO,
    "WARNING": SeverityNumber.WARN,
    "ERROR": SeverityNumber.ERROR,
    "CRITICAL": SeverityNumber.FATAL,
}
BOUNDARIES: Final[dict[str, list[float]]] = {
    "ms": [5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000],
    "1": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1],
}
SCOPE: Final = InstrumentationScope("rottenbot")
SAID_OTHERWISE: Final = ("message", "level", "timestamp", "service", "trace_id", "span_id")


class Exporter:
    """Gathers and sends. A collector that fails or is slow is left alone for a while, so that requests do not wait for
    it again and again; the spans and log lines of that time are dropped and counted. Metrics are totals, and so lose
    nothing."""

    def __init__(self, endpoint: str, service: str, timeout: float) -> None:
        resource = Resource(_resource(service))
        self._spans = _Spans()
        tracers = TracerProvider(resource=resource)
        tracers.add_span_processor(self._spans)
        self._tracer = tracers.get_tracer("rottenbot")
        self._lines = _Lines(resource)
        logger.addHandler(self._lines)
        self._reader = _Reader()
        self._meter = MeterProvider(metric_readers=[self._reader], resource=resource).get_meter("rottenbot")
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, _Gauge] = {}
        self._ways = Kept(lambda: _Ways(endpoint.rstrip("/"), timeout), _Ways.close)
        self._paused_until = 0.0

    @contextmanager
    def span(self, name: str, attributes: Attributes, kind: Kind) -> Iterator[Callable[[Attributes], None]]:
        if kind == "client" and not trace.get_current_span().get_span_context().is_valid:
            yield ignore  # a call that is part of no work would be a trace of its own
            return
        with self._tracer.start_as_current_span(name, kind=SpanKind[kind.upper()], attributes=attributes) as current:
            yield current.set_attributes

    @contextmanager
    def continued(self, carrier: Mapping[str, str], since_ns: int | None) -> Iterator[None]:
        token = context.attach(extract(carrier))
        try:
            if since_ns is not None:
                self._tracer.start_span("queue_wait", kind=SpanKind.CONSUMER, start_time=since_ns).end()
            yield
        finally:
            context.detach(token)

    def carrier(self) -> dict[str, str]:
        filled: dict[str, str] = {}
        inject(filled)
        return filled

    def trace_ids(self) -> dict[str, str]:
        current = trace.get_current_span().get_span_context()
        if not current.is_valid:
            return {}
        return {"trace_id": trace.format_trace_id(current.trace_id), "span_id": trace.format_span_id(current.span_id)}

    def count(self, name: str, value: int, attributes: Attributes) -> None:
        if name not in self._counters:
            self._counters[name] = self._meter.create_counter(name)
        self._counters[name].add(value, attributes)

    def record(self, name: str, value: float, attributes: Attributes, unit: str) -> None:
        if name not in self._histograms:
            bounds = BOUNDARIES[unit]
            self._histograms[name] = self._meter.create_histogram(
                name, unit, explicit_bucket_boundaries_advisory=bounds
            )
        self._histograms[name].record(value, attributes)

    def gauge(self, name: str, value: float, unit: str) -> None:
        if name not in self._gauges:
            self._gauges[name] = self._meter.create_gauge(name, unit)
        self._gauges[name].set(value)

    def flush(self) -> None:
        spans, lines = self._spans.take(), self._lines.take()
        if time.monotonic() < self._paused_until:
            self._drop(spans, lines)
        elif not self._send(spans, lines):
            self._paused_until = time.monotonic() + PAUSE_SECONDS
            self._drop(spans, lines)
            logger.warning(f"telemetry cannot be sent, trying again after {PAUSE_SECONDS:.0f} s")

    def _drop(self, spans: list[ReadableSpan], lines: list[ReadableLogRecord]) -> None:
        self.count(DROPPED, len(spans), {"signal": "spans"})
        self.count(DROPPED, len(lines), {"signal": "logs"})

    def _send(self, spans: list[ReadableSpan], lines: list[ReadableLogRecord]) -> bool:
        try:
            with self._ways.exclusive() as ways:
                if spans:
                    ways.traces.begin(encode_spans(spans).SerializeToString())
                if lines:
                    ways.logs.begin(encode_logs(lines).SerializeToString())
                self._reader.collect()  # while the collector is busy with the rest
                if self._reader.collected:
                    ways.metrics.begin(encode_metrics(self._reader.collected).SerializeToString())
                return ways.finish()
        except (OSError, http.client.HTTPException):
            return False


class _Ways:
    """The kept connections to a collector, one for each signal."""

    def __init__(self, endpoint: str, timeout: float) -> None:
        self.traces, self.logs, self.metrics = (
            _Way(f"{endpoint}/v1/{signal}", timeout) for signal in ("traces", "logs", "metrics")
        )

    def finish(self) -> bool:
        """Whether all that was begun was taken."""
        return all([way.finish() for way in (self.traces, self.logs, self.metrics)])  # noqa: C419  each has an answer

    def close(self) -> None:
        for way in (self.traces, self.logs, self.metrics):
            way.close()


class _Way:
    """A kept connection to one address of a collector. The exporters that come with OpenTelemetry's packages do the
    same with `requests`, which takes longer to import and to send."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=timeout)
        self._path = parts.path
        self._body: bytes | None = None
        self._wanted = True

    def begin(self, body: bytes) -> None:
        """Send a request, to read its answer later. Nothing is sent once the collector has said that there is nothing
        at this address: it takes traces alone, say."""
        if not self._wanted:
            return
        self._body = body
        try:
            self._request()
        except (ConnectionError, http.client.HTTPException):
            self._again()

    def finish(self) -> bool:
        """Whether the last request was taken; true when there was none."""
        if self._body is None:
            return True
        try:
            answer = self._connection.getresponse()
        except (ConnectionError, http.client.HTTPException):
            self._again()
            answer = self._connection.getresponse()
        self._body = None
        answer.read()
        self._wanted = answer.status != http.HTTPStatus.NOT_FOUND
        return answer.status < http.HTTPStatus.BAD_REQUEST or not self._wanted

    def close(self) -> None:
        self._connection.close()

    def _again(self) -> None:
        # A kept connection ends while the environment is frozen.
        self._connection.close()
        self._request()

    def _request(self) -> None:
        self._connection.request("POST", self._path, self._body, {"Content-Type": "application/x-protobuf"})


class _Spans(SpanProcessor):
    def __init__(self) -> None:
        self._ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        if len(self._ended) < MOST:
            self._ended.append(span)

    def take(self) -> list[ReadableSpan]:
        taken, self._ended = self._ended, []
        return taken


class _Lines(logging.Handler):
    """What the one logger writes, with the same fields."""

    def __init__(self, resource: Resource) -> None:
        super().__init__()
        self._resource = resource
        self._said: list[ReadableLogRecord] = []

    def take(self) -> list[ReadableLogRecord]:
        taken, self._said = self._said, []
        return taken

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._said) == MOST:
            return
        fields = json.loads(logger.registered_formatter.format(record))
        attributes = {
            key: value if isinstance(value, str | int | float) else json.dumps(value)
            for key, value in fields.items()
            if key not in SAID_OTHERWISE and value is not None
        }
        line = LogRecord(
            timestamp=int(record.created * 1e9),
            severity_text=record.levelname,
            severity_number=SEVERITIES[record.levelname],
            body=fields["message"],
            attributes=attributes,
        )
        self._said.append(ReadableLogRecord(line, self._resource, SCOPE))


class _Reader(MetricReader):
    collected: MetricsData | None = None

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 0, **_: Any) -> None:
        self.collected = metrics_data

    def shutdown(self, timeout_millis: float = 0, **_: Any) -> None:
        pass


def _resource(service: str) -> dict[str, str]:
    # Semantic conventions for FaaS and cloud resources, opentelemetry.io/docs/specs/semconv/resource.
    return {
        "service.name": service,
        "service.instance.id": IDENTITY,
        "faas.name": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", service),
        "faas.version": os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        "faas.instance": IDENTITY,
        "cloud.provider": "aws",
        "cloud.region": os.environ.get("AWS_REGION", ""),
    }
