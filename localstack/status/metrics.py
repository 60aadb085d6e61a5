"""The metrics as Prometheus reads them, with the names and labels that OpenTelemetry's collector would give them
(opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar, Sample

from localstack.status.received import Series

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
UNITS: Final = {"ms": "_milliseconds", "By": "_bytes"}


def exposition(series: Iterable[Series]) -> bytes:
    """The text of a scrape, in the format of OpenMetrics, with exemplars."""
    registry = CollectorRegistry()
    registry.register(_Once(series))
    return bytes(generate_latest(registry))  # type: ignore[no-untyped-call]


class _Once(Collector):
    def __init__(self, series: Iterable[Series]) -> None:
        self._by_name: dict[str, list[Series]] = defaultdict(list)
        for one in series:
            self._by_name[one.name + UNITS.get(one.unit, "")].append(one)

    def collect(self) -> Iterator[Metric]:
        for name, all_of_it in self._by_name.items():
            kind = {"sum": "counter", "histogram": "histogram", "gauge": "gauge"}[all_of_it[0].kind]
            metric = Metric(name, all_of_it[0].name, kind)
            for one in all_of_it:
                labels = {key: _text(value) for key, value in one.attributes.items()}
                metric.samples += _samples(name, one, {**labels, "job": one.job, "instance": one.instance})
            yield metric


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _samples(name: str, one: Series, labels: dict[str, str]) -> list[Sample]:
    if isinstance(one.point, HistogramDataPoint):
        return list(_histogram(name, one.point, labels))
    value = one.point.as_int if one.point.HasField("as_int") else one.point.as_double
    return [Sample(f"{name}_total" if one.kind == "sum" else name, labels, value)]


def _histogram(name: str, point: HistogramDataPoint, labels: dict[str, str]) -> Iterator[Sample]:
    bounds = [*point.explicit_bounds, float("inf")]
    examples: dict[int, Any] = {}
    for example in point.exemplars:
        examples[next(index for index, bound in enumerate(bounds) if example.as_double <= bound)] = example
    seen = 0
    for index, (bound, count) in enumerate(zip(bounds, point.bucket_counts, strict=True)):
        seen += count
        example = examples.get(index)
        exemplar = example and Exemplar(
            {"trace_id": example.trace_id.hex()}, example.as_double, example.time_unix_nano / 1e9
        )
        text = "+Inf" if index == len(bounds) - 1 else f"{bound:g}"
        yield Sample(f"{name}_bucket", {**labels, "le": text}, seen, exemplar=exemplar)
    yield Sample(f"{name}_count", labels, point.count)
    yield Sample(f"{name}_sum", labels, point.sum)
