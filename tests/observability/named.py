"""What dashboards and alerts name: metrics with their labels, spans with their attributes, fields of log lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import promql_parser
from grafana_foundation_sdk.models.dashboard import Panel

from localstack.grafana.alerts import alerts
from localstack.grafana.dashboards import dashboards

WINDOW: Final = "1m"
COMPARED: Final = re.compile(r"\s+(?:and|or|>|<)\s+")
LABELS_OF_PROMETHEUS: Final = {"job", "instance", "le", "window"}
SUFFIXES: Final = ("_bucket", "_count", "_sum")
Labels = dict[str, set[str]]


@dataclass(frozen=True)
class Question:
    """A query, and where it stands."""

    place: str
    source: str
    text: str


def questions() -> list[Question]:
    """All queries of all dashboards and alerts."""
    found = [
        Question(f"{one.uid}: {panel.title}", str(panel.datasource and panel.datasource.type_val), _text(target))
        for one in dashboards()
        for panel in one.panels or []
        if isinstance(panel, Panel)
        for target in panel.targets or []
    ]
    return found + [Question(alert.name, "prometheus", alert.expression) for alert in alerts()]


def values(expression: str) -> list[str]:
    """The parts of an expression that have to have a value, whatever they are compared with."""
    plain = expression.replace("$__rate_interval", WINDOW).replace(" or vector(0)", "")
    return [part for part in COMPARED.split(plain) if not re.fullmatch(r"[\d. *]+", part)]


def metrics(expression: str) -> Labels:
    """The metrics that an expression names, each with the labels that it names of it."""
    found: Labels = {}
    for part in values(expression):
        _walk(promql_parser.parse(part), set(), found)
    return found


def fields(expression: str) -> set[str]:
    """The fields of log lines that an expression of Loki names."""
    named = re.findall(r"{{\.(\w+)}}", expression) + re.findall(r"\| (\w+) ?(?:=~|!=|=)", expression)
    return {*named, *re.findall(r"by \((\w+)\)", expression)}


def attributes(expression: str) -> set[str]:
    """The attributes of spans that an expression of Tempo names."""
    return {one.rstrip(".") for one in re.findall(r"span\.([\w.]+)", expression)}


def spans(expression: str) -> set[str]:
    """The names of spans that an expression of Tempo names."""
    return {name for names in re.findall(r'name=~?"([^"]+)"', expression) for name in names.split("|")}


def family(metric: str) -> str:
    """A metric's name without what Prometheus adds for a histogram."""
    return next((metric.removesuffix(suffix) for suffix in SUFFIXES if metric.endswith(suffix)), metric)


def missing(named: Labels, emitted: Labels) -> set[str]:
    """What is named and not emitted."""
    wrong = {metric for metric in named if metric not in emitted}
    return wrong | {
        f"{metric}{{{label}}}"
        for metric in named.keys() & emitted.keys()
        for label in named[metric] - emitted[metric] - LABELS_OF_PROMETHEUS
    }


def merged(parts: Iterator[Labels]) -> Labels:
    """Several together."""
    whole: Labels = {}
    for part in parts:
        for metric, labels in part.items():
            whole.setdefault(metric, set()).update(labels)
    return whole


def _text(target: Any) -> str:
    return str(getattr(target, "expr", None) or target.query)


def _walk(node: Any, grouped: set[str], found: Labels) -> None:
    match type(node).__name__:
        case "VectorSelector":
            labels = {matcher.name for matcher in node.matchers.matchers} | grouped
            found.setdefault(family(node.name), set()).update(labels)
        case "MatrixSelector":
            _walk(node.vector_selector, grouped, found)
        case "AggregateExpr":
            _walk(node.expr, grouped | set(node.modifier.labels if node.modifier else ()), found)
        case "BinaryExpr":
            _walk(node.lhs, grouped, found)
            _walk(node.rhs, grouped, found)
        case "ParenExpr":
            _walk(node.expr, grouped, found)
        case "Call":
            for argument in node.args:
                _walk(argument, grouped, found)
