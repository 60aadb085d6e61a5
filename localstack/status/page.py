"""The page: what the system did in the last minutes."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from localstack.status.charts import chart, percentiles, quantiles
from localstack.status.received import Line, Received, Span

HTML: Final = "text/html; charset=utf-8"
SHOWN_SECONDS: Final = 300
STEP_SECONDS: Final = 10
SLOWEST: Final = 5
WARNINGS: Final = 20
templates = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())


@dataclass(frozen=True)
class Calls:
    """The calls of one route, or of all; times in milliseconds."""

    route: str
    per_second: float
    p50: float
    p95: float
    p99: float
    refused: int
    broken: int


@dataclass(frozen=True)
class Bar:
    """A span in a waterfall: where it begins and how long it is, in percent of its trace."""

    span: Span
    depth: int
    left: float
    width: float


@dataclass(frozen=True)
class Waterfall:
    """The spans of one trace, each before those within it."""

    trace_id: str
    milliseconds: float
    bars: list[Bar]


def render(received: Received, queues: dict[str, int]) -> str:
    """The page's HTML; `queues` are the messages in each queue."""
    now = time.time()
    spans = [span for span in received.spans if span.start >= now - SHOWN_SECONDS]
    requests = [span for span in spans if span.kind == "server"]
    routes = defaultdict(list)
    for span in requests:
        routes[span.name].append(span)
    return templates.get_template("page.html").render(
        minutes=SHOWN_SECONDS // 60,
        total=_calls("all", requests),
        routes=[_calls(route, found) for route, found in sorted(routes.items())],
        cold_starts=sum(bool(span.attributes.get("faas.coldstart")) for span in spans),
        queues=queues,
        charts=_charts(requests, now),
        slowest=_slowest(spans, requests),
        warnings=_warnings(received.lines),
        clock=lambda at: time.strftime("%H:%M:%S", time.localtime(at)),
    )


def _calls(route: str, spans: Sequence[Span]) -> Calls:
    statuses = [span.attributes["http.response.status_code"] for span in spans]
    first = min((span.start for span in spans), default=0.0)
    return Calls(
        route,
        len(spans) / max(STEP_SECONDS, time.time() - first),
        *quantiles([span.milliseconds for span in spans]),
        refused=sum(HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR for status in statuses),
        broken=sum(status >= HTTPStatus.INTERNAL_SERVER_ERROR for status in statuses),
    )


def _charts(requests: Iterable[Span], now: float) -> list[Markup]:
    steps: list[list[float]] = [[] for _ in range(SHOWN_SECONDS // STEP_SECONDS)]
    for span in requests:
        steps[min(int((span.start - now + SHOWN_SECONDS) / STEP_SECONDS), len(steps) - 1)].append(span.milliseconds)
    labels = [f"-{SHOWN_SECONDS - index * STEP_SECONDS} s" for index in range(len(steps))]
    rate: list[float | None] = [len(step) / STEP_SECONDS for step in steps]
    return [chart("requests a second", {"all": rate}, labels), chart("milliseconds", percentiles(steps), labels)]


def _slowest(spans: Iterable[Span], requests: Iterable[Span]) -> list[Waterfall]:
    traces = defaultdict(list)
    for span in spans:
        traces[span.trace_id].append(span)
    roots = sorted(requests, key=lambda span: -span.milliseconds)[:SLOWEST]
    return [_waterfall(root, traces[root.trace_id]) for root in roots]


def _waterfall(root: Span, spans: list[Span]) -> Waterfall:
    known = {span.span_id for span in spans}
    children = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start):
        children[span.parent_id if span.parent_id in known else ""].append(span)
    begin = min(span.start for span in spans)
    length = max(span.start + span.milliseconds / 1000 for span in spans) - begin

    def bars(parent: str, depth: int) -> Iterator[Bar]:
        for span in children[parent]:
            yield Bar(span, depth, (span.start - begin) / length * 100, span.milliseconds / length / 10)
            yield from bars(span.span_id, depth + 1)

    return Waterfall(root.trace_id, length * 1000, list(bars("", 0)))


def _warnings(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.severity not in ("DEBUG", "INFO")][: -WARNINGS - 1 : -1]
