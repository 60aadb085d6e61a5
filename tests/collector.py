"""A collector of OpenTelemetry that keeps what it is sent over OTLP/HTTP."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Span:
    name: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    milliseconds: float
    attributes: dict[str, Any]
    events: list[str]


@dataclass
class Collector:
    """`delay` is how many seconds it takes to answer."""

    url: str = ""
    delay: float = 0.0
    spans: list[Span] = field(default_factory=list)
    metrics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def trace(self, trace_id: str) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def take_spans(self, request: ExportTraceServiceRequest) -> None:
        for part in request.resource_spans:
            service = _plain(part.resource.attributes)["service.name"]
            for span in (span for scope in part.scope_spans for span in scope.spans):
                took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
                ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                events = [event.name for event in span.events]
                self.spans.append(Span(span.name, service, *ids, took, _plain(span.attributes), events))

    def take_metrics(self, request: ExportMetricsServiceRequest) -> None:
        for part in request.resource_metrics:
            for metric in (metric for scope in part.scope_metrics for metric in scope.metrics):
                points = getattr(metric, str(metric.WhichOneof("data"))).data_points
                self.metrics[metric.name] = [_plain(point.attributes) for point in points]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a port of its own."""
    collector = Collector()
    takers: dict[str, tuple[Any, Any]] = {
        "/v1/traces": (ExportTraceServiceRequest, collector.take_spans),
        "/v1/metrics": (ExportMetricsServiceRequest, collector.take_metrics),
    }

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(collector.delay)
            kind, take = takers[self.path]
            request = kind()
            request.ParseFromString(body)
            take(request)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    yield collector
    server.shutdown()
    server.server_close()


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in attributes}


if __name__ == "__main__":
    with collecting() as alone:
        print(alone.url, flush=True)
        threading.Event().wait()
