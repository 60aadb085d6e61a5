"""Every dashboard, as code."""

from pathlib import Path
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.builders import dashboard, logs, loki, prometheus, stat, table, tempo, timeseries
from grafana_foundation_sdk.builders.common import StackingConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import StackingMode
from grafana_foundation_sdk.models.dashboard import Dashboard, DataSourceRef, Panel

from localstack.grafana.expressions import (
    BROKEN,
    FAILED_BUDGET,
    REFUSED,
    SLOW_BUDGET,
    failed,
    mean,
    quantile,
    rate,
    share,
    slow,
)

METRICS: Final = DataSourceRef(type_val="prometheus", uid="prometheus")
TRACES: Final = DataSourceRef(type_val="tempo", uid="tempo")
LOGS: Final = DataSourceRef(type_val="loki", uid="loki")
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
SPANS: Final = (
    "verify_token",
    "read_image_contents",
    "predict_endpoint",
    "preprocess_image",
    "model_prediction",
    "save_image_s3",
    "get_prediction",
    "queue_wait",
    "classify_upload",
    "give_up_upload",
    "record_photo",
    "save_prediction_db",
    "archive_image",
    "forget_user",
    "hash_password",
    "verify_password",
)
OURS: Final = '{service_name=~"rottenbot-.+"}'
APIS: Final = ("inference", "auth")


def dashboards() -> list[Dashboard]:
    """All of them."""
    return [_api(), _inference(), _pipeline(), _accounts(), _resources(), _traces(), _logs(), _slo()]


def write(folder: Path) -> None:
    """Write each as JSON, under the name by which Grafana knows it."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in dashboards():
        (folder / f"{one.uid}.json").write_text(JSONEncoder(sort_keys=True, indent=2).encode(one))


def _api() -> Dashboard:
    requests = {api: f"{api}_api_requests_total" for api in APIS}
    return _dashboard(
        "api",
        "API performance",
        _lines("Requests a second", "reqps", [rate(requests[api], "method, route") for api in APIS]),
        _lines(
            "Share of requests that failed on our side", "percentunit", [share(requests[api], BROKEN) for api in APIS]
        ),
        _lines("Refused requests a second", "reqps", [rate(requests[api], "status, route", REFUSED) for api in APIS]),
        *(
            _lines(
                f"Time to answer, {name}",
                "ms",
                [quantile(value, f"{api}_api_duration_milliseconds", "method, route") for api in APIS],
            )
            for name, value in QUANTILES.items()
        ),
    )


def _inference() -> Dashboard:
    unknown = f"({rate('predictions_not_recognised_total')} or vector(0)) / {rate('predictions_total')}"
    return _dashboard(
        "inference",
        "Inference",
        _lines("Predictions a second, by class", "ops", [rate("predictions_total", "class")], stacked=True),
        _lines("Predictions a second, by model and way in", "ops", [rate("predictions_total", "model_version, way")]),
        _quantiles("Confidence", "percentunit", "prediction_confidence"),
        _lines("Share of photos that were not recognised", "percentunit", [unknown]),
        _quantiles("Time of the model", "ms", "model_inference_milliseconds"),
        _number("Time to load the model", "ms", mean("model_load_milliseconds")),
        _lines("Cold starts", "short", ["sum by (job) (cold_starts_total)"]),
        _lines("Time of cold starts", "ms", [mean("cold_start_duration_milliseconds", "job")]),
    )


def _pipeline() -> Dashboard:
    return _dashboard(
        "pipeline",
        "Pipeline",
        _quantiles("Age of photos when they are picked up from the queue", "ms", "queue_age_milliseconds", "work"),
        _lines("Photos recorded a second, failed or not", "ops", [rate("photos_recorded_total", "failed")]),
        _lines("Uploads that were no photos, a second", "ops", [rate("rejected_uploads_total")]),
        _lines("Messages that failed, by attempt", "short", ["sum by (job, attempt, dead) (messages_failed_total)"]),
        _lines("Photos given up on", "short", ["sum by (stage) (photos_given_up_total)"]),
        _number("Messages that were set aside", "short", "sum(messages_set_aside_total)"),
        _rows(
            "What failed, and what was set aside",
            f'{OURS} |~ "message (failed|set aside)" | line_format "{{{{.message_id}}}} {{{{.exception}}}}"',
        ),
    )


def _accounts() -> Dashboard:
    answered = rate("auth_api_requests_total", "route, status", 'method="POST"')
    refused = rate("inference_api_requests_total", "route", 'status="401"')
    return _dashboard(
        "auth",
        "Accounts",
        _lines("Log-ins, sign-ups and the like a second", "reqps", [answered]),
        _lines("Failed log-ins a second", "ops", [rate("login_failures_total")]),
        _quantiles("Time to log in", "ms", "auth_api_duration_milliseconds", where='route="/api/v1/auth/login"'),
        _lines("Photos refused for their token, a second", "reqps", [refused]),
    )


def _resources() -> Dashboard:
    busy = 'avg by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[$__rate_interval]))'
    network = [f"rate(node_network_{way}_bytes_total[$__rate_interval])" for way in ("receive", "transmit")]
    return _dashboard(
        "resources",
        "Resources",
        _lines("Memory of the functions", "bytes", ["sum by (job, instance) (memory_usage_bytes)"]),
        _lines("Environments of the functions", "short", ["count by (job) (memory_usage_bytes)"]),
        _lines("Answers to another question", "short", ["sum by (job, store) (answers_mismatched_total)"]),
        _lines("Telemetry that could not be sent", "short", ["sum by (job, signal) (telemetry_dropped_total)"]),
        _lines("Processors of the host", "percentunit", [busy], stacked=True),
        _lines("Memory of the host", "bytes", ["node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes"]),
        _lines(
            "Free share of the host's disks",
            "percentunit",
            ["node_filesystem_avail_bytes / node_filesystem_size_bytes"],
        ),
        _lines("Network of the host", "Bps", network),
    )


def _traces() -> Dashboard:
    return _dashboard(
        "traces",
        "Traces",
        _steps("Steps, p95", f'{{name=~"{"|".join(SPANS)}"}} | quantile_over_time(duration, 0.95) by (name)'),
        _steps("Calls of databases and buckets, p95", "{kind=client} | quantile_over_time(duration, 0.95) by (name)"),
        _found(
            "Slow requests",
            "{kind=server && duration>100ms} | select(span.http.request.method, span.http.route, span.faas.coldstart)",
        ),
        _found(
            "Failed requests",
            "{span.http.response.status_code>=500} | select(span.http.route, span.error.type, span.faas.trigger)",
        ),
        _found(
            "Slow statements and commands",
            "{span.db.system.name!=nil && duration>20ms}"
            " | select(span.db.system.name, span.db.operation.name, span.db.query.text)",
        ),
        _found(
            "Slow calls of buckets",
            '{span.rpc.system="aws-api" && duration>50ms}'
            " | select(span.rpc.service, span.rpc.method, span.aws.s3.bucket)",
        ),
        _found(
            "Slow work on photos from a queue",
            "{kind=consumer && duration>500ms} | select(span.messaging.system, span.messaging.operation.type)",
        ),
        _found(
            "Photos that were not recognised",
            "{span.model.recognised=false} | select(span.model.class, span.model.version, span.photo.bytes)",
        ),
        _found("Saved photos", '{name="predict_endpoint" && span.photo.saved=true} >> {name="record_photo"}'),
        _found("Failed steps", "{status=error}"),
    )


def _logs() -> Dashboard:
    levels = 'sum by (severity_text) (count_over_time({service_name=~"rottenbot-.+"}[$__auto]))'
    query = loki.Dataquery().expr(levels).legend_format("{{severity_text}}")
    return _dashboard(
        "logs",
        "Logs",
        timeseries.Panel().title("Lines, by severity").span(24).datasource(LOGS).with_target(query),
        _rows("Warnings and errors", f'{OURS} | severity_text=~"WARNING|ERROR|CRITICAL"'),
        _rows(
            "Requests",
            f'{OURS} | route!="" | line_format "{{{{.method}}}} {{{{.route}}}} {{{{.status}}}} {{{{.timing}}}}"',
        ),
        _rows("Photos", f'{OURS} | prediction_uid!="" | line_format "{{{{.prediction_uid}}}} failed: {{{{.failed}}}}"'),
    )


def _slo() -> Dashboard:
    windows = ("5m", "1h", "6h", "3d")
    return _dashboard(
        "slo",
        "Service level",
        _number("Predictions under 300 ms, 3 days", "percentunit", f"1 - {slow('3d')}"),
        _number("Predictions without an error of ours, 3 days", "percentunit", f"1 - {failed('3d')}"),
        *(
            _lines(
                f"Burn rate over {window}: slow, failed",
                "short",
                [f"{slow(window)} / {SLOW_BUDGET}", f"{failed(window)} / {FAILED_BUDGET}"],
            )
            for window in windows
        ),
    )


def _quantiles(title: str, unit: str, metric: str, by: str = "", where: str = "") -> Builder[Panel]:
    return _lines(title, unit, [quantile(value, metric, by, where) for value in QUANTILES.values()])


def _lines(title: str, unit: str, expressions: list[str], stacked: bool = False) -> Builder[Panel]:
    panel = timeseries.Panel().title(title).unit(unit).span(12).datasource(METRICS).min(0)
    if stacked:
        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)
    for name, expression in zip(ascii_uppercase, expressions, strict=False):
        query = prometheus.Dataquery().ref_id(name).expr(expression).range().exemplar("_bucket" in expression)
        panel = panel.with_target(query)
    return panel


def _number(title: str, unit: str, expression: str) -> Builder[Panel]:
    query = prometheus.Dataquery().expr(expression).instant()
    return stat.Panel().title(title).unit(unit).span(12).datasource(METRICS).with_target(query)


def _rows(title: str, expression: str) -> Builder[Panel]:
    query = loki.Dataquery().expr(expression)
    return logs.Panel().title(title).span(24).height(10).datasource(LOGS).with_target(query).show_time(True)


def _steps(title: str, query: str) -> Builder[Panel]:
    target = tempo.TempoQuery().query(query).query_type("traceql")
    return timeseries.Panel().title(title).unit("s").span(12).height(10).datasource(TRACES).with_target(target)


def _found(title: str, query: str) -> Builder[Panel]:
    target = tempo.TempoQuery().query(query).query_type("traceql").limit(20)
    return table.Panel().title(title).span(12).height(10).datasource(TRACES).with_target(target)


def _dashboard(uid: str, title: str, *panels: Builder[Panel]) -> Dashboard:
    built = dashboard.Dashboard(title).uid(uid).tags(["rottenbot"]).refresh("10s").time("now-30m", "now").readonly()
    for panel in panels:
        built = built.with_panel(panel)
    return built.build()
