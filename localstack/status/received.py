"""What came over OTLP, for as long as it is kept."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

KEPT_SECONDS: Final = 900
SILENT_SECONDS: Final = 300  # a series that is silent for so long is forgotten, as by the collector's own exporter
MOST_SPANS: Final = 100_000
MOST_LINES: Final = 5_000


@dataclass(frozen=True)
class Span:
    """`start` is in seconds since 1970; `kind` is one of OpenTelemetry's, in small letters."""

    name: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    start: float
    milliseconds: float
    kind: str
    attributes: dict[str, Any]
    events: list[str]


@dataclass(frozen=True)
class Line:
    """A log line; `at` is in seconds since 1970."""

    at: float
    service: str
    severity: str
    message: str
    trace_id: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Series:
    """The latest value of a metric with its attributes, from one environment of one function."""

    name: str
    kind: str
    unit: str
    job: str
    instance: str
    attributes: dict[str, Any]
    point: NumberDataPoint | HistogramDataPoint
    at: float


@dataclass
class Received:
    """Safe to be used by several threads."""

    _spans: deque[Span] = field(default_factory=lambda: deque(maxlen=MOST_SPANS))
    _lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    _series: dict[tuple[Any, ...], Series] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def spans(self) -> list[Span]:
        """The spans of the last minutes."""
        with self._lock:
            while self._spans and self._spans[0].start < time.time() - KEPT_SECONDS:
                self._spans.popleft()
            return list(self._spans)

    @property
    def lines(self) -> list[Line]:
        """The latest log lines."""
        with self._lock:
            return list(self._lines)

    @property
    def series(self) -> list[Series]:
        """The metrics that are not silent."""
        with self._lock:
            oldest = time.time() - SILENT_SECONDS
            self._series = {key: one for key, one in self._series.items() if one.at >= oldest}
            return list(self._series.values())

    def clear(self) -> None:
        """Forget all but the metrics, which are totals."""
        with self._lock:
            self._spans.clear()
            self._lines.clear()

    def take(self, path: str, body: bytes) -> bool:
        """Take the body of a request to a path of OTLP over HTTP; false for another path."""
        match path:
            case "/v1/traces":
                self._take_spans(ExportTraceServiceRequest.FromString(body))
            case "/v1/metrics":
                self._take_metrics(ExportMetricsServiceRequest.FromString(body))
            case "/v1/logs":
                self._take_lines(ExportLogsServiceRequest.FromString(body))
            case _:
                return False
        return True

    def _take_spans(self, request: ExportTraceServiceRequest) -> None:
        taken = []
        for part in request.resource_spans:
            service = _plain(part.resource.attributes)["service.name"]
            taken += [_span(span, service) for scope in part.scope_spans for span in scope.spans]
        with self._lock:
            self._spans.extend(taken)

    def _take_lines(self, request: ExportLogsServiceRequest) -> None:
        taken = []
        for part in request.resource_logs:
            service = _plain(part.resource.attributes)["service.name"]
            taken += [
                Line(
                    one.time_unix_nano / 1e9,
                    service,
                    one.severity_text,
                    one.body.string_value,
                    one.trace_id.hex(),
                    _plain(one.attributes),
                )
                for scope in part.scope_logs
                for one in scope.log_records
            ]
        with self._lock:
            self._lines.extend(taken)

    def _take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        now, taken = time.time(), {}
        for part in request.resource_metrics:
            resource = _plain(part.resource.attributes)
            job, instance = resource["service.name"], resource["service.instance.id"]
            for metric in (metric for scope in part.scope_metrics for metric in scope.metrics):
                kind = str(metric.WhichOneof("data"))
                for point in getattr(metric, kind).data_points:
                    attributes = _plain(point.attributes)
                    key = (metric.name, job, instance, *sorted(attributes.items()))
                    taken[key] = Series(metric.name, kind, metric.unit, job, instance, attributes, point, now)
        with self._lock:
            self._series |= taken


def _span(span: SpanMessage, service: str) -> Span:
    return Span(
        span.name,
        service,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano / 1e9,
        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6,
        SpanMessage.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        _plain(span.attributes),
        [event.name for event in span.events],
    )


def _plain(attributes: Iterable[Any]) -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in attributes}
