"""What reaches a collector, over real OTLP, from a stack of its own."""

import json
import statistics
import time
from dataclasses import asdict
from pathlib import Path

from localstack.client import Client
from localstack.stack import Stack
from localstack.status.received import Span
from tests.observability.conftest import Collector

SAVED = {
    "POST /api/v1/inference/predict",
    "verify_token",
    "read_image_contents",
    "predict_endpoint",
    "preprocess_image",
    "model_prediction",
    "save_image_s3",
    "s3 PutObject",
    "get_prediction",
    "queue_wait",
    "record_photo",
    "save_prediction_db",
    "sql INSERT",
    "archive_image",
}


def parents(spans: list[Span]) -> dict[str, str]:
    """The name of each span's parent."""
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent_id, "") for span in spans}


def test_a_saved_photo_is_one_trace(user: Client, collector: Collector, photo: Path, observed: Stack) -> None:
    spans = collector.trace(SAVED, of=lambda: user.wait_for(user.predict(photo, save=True)["prediction_uid"]))
    (recorded,) = [span for span in spans if span.name == "record_photo"]
    tree = parents(spans)
    assert tree["POST /api/v1/inference/predict"] == ""
    assert tree["predict_endpoint"] == tree["verify_token"] == "POST /api/v1/inference/predict"
    assert tree["model_prediction"] == tree["save_image_s3"] == "predict_endpoint"
    assert tree["record_photo"] == tree["queue_wait"] == "save_image_s3"
    assert tree["sql INSERT"] == "save_prediction_db"
    request = next(span for span in spans if span.name.startswith("POST"))
    assert (request.service, recorded.service) == ("rottenbot-predict", "rottenbot-archive")
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["faas.coldstart"] is False
    lines = observed.processes.log("Gateway").read_text().splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{") and recorded.trace_id in line]
    assert {line["message"] for line in logged} >= {"request", "photo recorded"}
    assert all(line["span_id"] for line in logged)
    sent = [line for line in collector.lines if line.trace_id == recorded.trace_id]
    assert {line.message for line in sent} >= {"request", "photo recorded"}
    assert next(line for line in sent if line.message == "request").attributes["status"] == 200


def test_an_uploaded_photo_is_one_trace_from_its_arrival(user: Client, collector: Collector, photo: Path) -> None:
    names = {"classify_upload", "model_prediction", "save_image_s3", "record_photo"}
    tree = parents(collector.trace(names, of=lambda: user.wait_for(user.upload(photo))))
    assert tree["record_photo"] == "save_image_s3"
    assert tree["model_prediction"] == tree["save_image_s3"] == "classify_upload"


def test_no_token_password_email_or_photo_is_sent(user: Client, collector: Collector, photo: Path) -> None:
    collector.trace({"save_image_s3"}, of=lambda: user.predict(photo, save=True))
    collector.trace({"verify_password"}, of=lambda: user.call("POST", "/auth/login", json=user.login))
    sent = json.dumps([asdict(span) for span in collector.spans] + [asdict(line) for line in collector.lines])
    assert "sql SELECT" in sent
    for secret in (user.email, user.password, user.refresh_token, user.http.headers["Authorization"], user.user["uid"]):
        assert str(secret) not in sent


def test_everything_is_counted(user: Client, collector: Collector, photo: Path) -> None:
    user.predict(photo)
    user.http.post(f"{user.api}/auth/login", json={"email": user.email, "password": "wrong password"})
    calls = {"inference_api_requests", "inference_api_duration", "auth_api_requests", "auth_api_duration"}
    assert calls <= collector.metrics()
    assert {"predictions", "prediction_confidence", "queue_age", "login_failures"} <= collector.metrics()
    assert {"model_load", "model_inference", "memory_usage"} <= collector.metrics()
    answered = {"method": "POST", "route": "/api/v1/inference/predict", "status": 200}
    counters = [series for series in collector.series if series.name == "inference_api_requests"]
    assert any(series.attributes == answered for series in counters)


def test_a_broken_part_is_an_error_in_the_trace(user: Client, collector: Collector) -> None:
    login = {"email": user.email, "password": "wrong password"}
    spans = collector.trace({"verify_password"}, of=lambda: user.http.post(f"{user.api}/auth/login", json=login))
    (verified,) = [span for span in spans if span.name == "verify_password"]
    assert verified.events == ["exception"]


def test_a_collector_that_hangs_delays_one_request_and_fails_none(user: Client, collector: Collector) -> None:
    def times(count: int) -> list[float]:
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            user.call("GET", "/auth/me")
            taken.append(time.perf_counter() - began)
        return taken

    usual = statistics.median(times(20))
    collector.delay = 30
    try:
        slow = times(30)
    finally:
        collector.delay = 0
    assert max(slow) < 2  # bounded, not fast: how fast is for the benchmark to say
    assert sum(took > usual + 0.1 for took in slow) <= 2 * 2  # once for each environment, for spans or for metrics
