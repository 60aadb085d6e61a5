"""No panel is dark, and nothing that is measured goes unseen."""

import math
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localstack.client import Client
from localstack.grafana import alerts
from localstack.grafana.dashboards import SPANS
from localstack.settings import ROOT
from localstack.stack import Stack
from tests.observability import named, prometheus, traffic
from tests.observability.conftest import Collector
from tests.observability.named import Labels, Question
from tests.observability.prometheus import Prometheus

PHOTOS = sorted((ROOT / "tests" / "photos").glob("*.jpg"))
QUESTIONS = named.questions()
METRICS = [question for question in QUESTIONS if question.source == "prometheus"]
SCRAPED_SECONDS = 2.5
# What the logger adds to each line, and the library of functions to some.
GENERAL_FIELDS = {
    "location",
    "cold_start",
    "function_name",
    "function_memory_size",
    "function_arn",
    "function_request_id",
    "correlation_id",
    "stack_trace",
    "exception_name",
}


@pytest.fixture(scope="module")
def server(
    collector: Collector, observed: Stack, eventually: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("traffic")
    metrics = collector.url.removeprefix("http://")
    with prometheus.running(ROOT / ".rottenbot" / "test-prometheus", metrics) as server:
        user = Client(observed.url).join()
        traffic.everyday(user, PHOTOS[:6], folder)
        traffic.accidents(observed, user, collector, PHOTOS[0], eventually)
        time.sleep(SCRAPED_SECONDS)
        traffic.everyday(user, PHOTOS, folder)
        time.sleep(SCRAPED_SECONDS)
        yield server


@pytest.fixture(scope="module")
def emitted(server: Prometheus) -> Labels:
    """The metrics that came, each with its labels."""
    series = server.series('{job=~"rottenbot-.+", __name__!~"ALERTS.*"}')
    return named.merged({named.family(one["__name__"]): set(one) - {"__name__"}} for one in series)


@pytest.mark.parametrize("question", METRICS, ids=lambda question: question.place)
def test_every_expression_has_a_value(server: Prometheus, question: Question) -> None:
    for part in named.values(question.text):
        found = server.query(part)
        assert any(not math.isnan(float(one["value"][1])) for one in found), f"{part} gives {found}"


def of_ours(labels: Labels) -> Labels:
    return {metric: named for metric, named in labels.items() if not metric.startswith("node_")}


def test_every_metric_and_label_that_is_named_is_emitted_and_the_reverse(emitted: Labels) -> None:
    asked = of_ours(named.merged(named.metrics(question.text) for question in METRICS))
    assert not named.missing(asked, emitted)
    assert not named.missing(emitted, asked)


def test_a_metric_or_a_label_that_is_no_longer_emitted_is_noticed(emitted: Labels) -> None:
    asked = of_ours(named.merged(named.metrics(question.text) for question in METRICS))
    for metric, labels in emitted.items():
        assert named.missing(asked, {name: kept for name, kept in emitted.items() if name != metric}) == {metric}
        for label in labels - named.LABELS_OF_PROMETHEUS:
            assert named.missing(asked, emitted | {metric: labels - {label}}) == {f"{metric}{{{label}}}"}


def test_every_span_that_is_named_is_emitted_and_the_reverse(server: Prometheus, collector: Collector) -> None:
    asked = [question.text for question in QUESTIONS if question.source == "tempo"]
    spans = collector.spans
    own = {span.name for span in spans if span.kind == "internal" or span.name in SPANS}
    consumed = {span.name for span in spans if span.kind == "consumer"}
    assert {name for text in asked for name in named.spans(text)} == own | consumed
    known = {key for span in spans for key in span.attributes}
    assert {key for text in asked for key in named.attributes(text)} == known


def test_every_field_of_log_lines_that_is_named_is_emitted_and_the_reverse(
    server: Prometheus, collector: Collector
) -> None:
    asked = {field for one in QUESTIONS if one.source == "loki" for field in named.fields(one.text)}
    said = {key for line in collector.lines for key in line.attributes}
    assert asked - {"severity_text"} - said == set()
    assert said - GENERAL_FIELDS - asked == set()


def test_values_lead_to_traces(server: Prometheus, collector: Collector) -> None:
    found = server.exemplars("inference_api_duration_milliseconds_bucket")
    traces = {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}
    assert traces & {span.trace_id for span in collector.spans}


def test_the_accidents_set_off_alerts(server: Prometheus) -> None:
    firing = {alert["metric"]["alertname"] for alert in server.query('ALERTS{alertstate="firing"}')}
    assert {"PhotosGivenUp", "DeadLetters", "TelemetryDropped"} <= firing


def test_alerts_come_when_they_should_and_only_then(tmp_path: Path) -> None:
    promtool = prometheus.program("promtool")
    alerts.write(tmp_path / "alerts.yaml")
    cases = (ROOT / "tests" / "observability" / "alerts.yaml").read_text()
    (tmp_path / "cases.yaml").write_text(cases)
    commands: list[list[str | Path]] = [
        ["test", "rules", tmp_path / "cases.yaml"],
        ["check", "config", "--syntax-only", ROOT / "localstack/grafana/prometheus.yaml"],
    ]
    for arguments in commands:
        ended = subprocess.run([promtool, *arguments], capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
