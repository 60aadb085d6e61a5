"""The page: what the system did in the last minutes."""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import pygal
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup
from pygal.style import Style

from localstack.status.received import Line, Received, Span

PATH: Final = "/_local/status"
HTML: Final = "text/html; charset=utf-8"
SHOWN_SECONDS: Final = 300
STEP_SECONDS: Final = 10
SLOWEST: Final = 5
WARNINGS: Final = 20
STYLE: Final = Style(
    background="transparent",
    plot_background="transparent",
    font_family="sans-serif",
    guide_stroke_color="#8886",
    major_guide_stroke_color="#8886",
)
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
        charts=[Markup(chart) for chart in _charts(requests, now)],  # noqa: S704  drawn here, of numbers
        slowest=_slowest(spans, requests),
        warnings=_warnings(received.lines),
        clock=lambda at: time.strftime("%H:%M:%S", time.localtime(at)),
    )


def queue_depths(sqs: Any) -> dict[str, int]:
    """The messages in each queue, waiting or being worked on, by the queue's name."""
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    depths = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=attributes)["Attributes"]
        depths[url.rpartition("/")[2]] = sum(int(found[name]) for name in attributes)
    return depths


def quantiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The median, the 95th and the 99th percentile; zeros for no values."""
    if len(values) < 2:
        value = values[0] if values else 0.0
        return value, value, value
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[94], cuts[98]


def chart(title: str, lines: dict[str, list[float | None]], labels: list[str]) -> str:
    """An SVG of lines over time, to stand in a page."""
    top = max((value for values in lines.values() for value in values if value is not None), default=0) or 1
    drawn = pygal.Line(
        title=title, style=STYLE, height=260, width=720, dots_size=1, js=[], legend_at_bottom=True, range=(0, top)
    )
    drawn.max_scale = 6
    drawn.x_labels = labels
    drawn.show_minor_x_labels = False
    drawn.x_labels_major_every = max(1, len(labels) // 6)
    drawn.truncate_label = -1
    for name, values in lines.items():
        drawn.add(name, values)
    return str(drawn.render(is_unicode=True, disable_xml_declaration=True))


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


def _charts(requests: Iterable[Span], now: float) -> list[str]:
    steps: list[list[float]] = [[] for _ in range(SHOWN_SECONDS // STEP_SECONDS)]
    for span in requests:
        steps[min(int((span.start - now + SHOWN_SECONDS) / STEP_SECONDS), len(steps) - 1)].append(span.milliseconds)
    labels = [f"-{SHOWN_SECONDS - index * STEP_SECONDS} s" for index in range(len(steps))]
    rate: list[float | None] = [len(step) / STEP_SECONDS for step in steps]
    cuts = [quantiles(step) if step else (None, None, None) for step in steps]
    percentiles = {name: [cut[index] for cut in cuts] for index, name in enumerate(("p50", "p95", "p99"))}
    return [chart("requests a second", {"all": rate}, labels), chart("milliseconds", percentiles, labels)]


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
