"""The page about the last minutes, made of what real requests told."""

import re
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import requests

from localstack import aws
from localstack.client import Client
from localstack.stack import Stack
from localstack.status import PATH
from localstack.status.page import HTML, render
from localstack.status.server import serving
from tests.observability.conftest import Collector


def test_shows_calls_steps_queues_and_warnings(
    user: Client, observed: Stack, collector: Collector, photo: Path, eventually: Callable[..., None]
) -> None:
    collector.clear()
    user.wait_for(user.predict(photo, save=True)["prediction_uid"])
    requests.post(f"{user.api}/auth/login", json={"email": user.email, "password": "wrong password"})
    eventually(lambda: any(span.name == "record_photo" for span in collector.spans))
    page = render(collector, aws.queue_depths(observed.aws("sqs")))
    rows = {row[0]: row for row in re.findall(r"<tr><td>(\w+ /api[^<]*)</td>" + r"<td>([\d.]+)</td>\s*" * 6, page)}
    assert float(rows["POST /api/v1/inference/predict"][2]) > 1
    assert rows["POST /api/v1/auth/login"][5] == "1"  # refused
    for step in ("model_prediction", "queue_wait", "save_prediction_db", "sql INSERT"):
        assert f"{step}</td>" in page
    assert all(name in page for name in ("UploadsQueue", "ClassifiedDeadLetters"))
    assert page.count("<svg") == 2


def test_a_page_about_nothing_says_so() -> None:
    page = render(Collector(), {})
    assert "No calls yet." in page
    assert "No requests yet." in page


def test_what_is_old_is_forgotten(user: Client, collector: Collector, photo: Path) -> None:
    collector.clear()
    user.predict(photo)
    (span, *_) = collector.spans
    old = Collector()
    old._spans.append(type(span)(**{**vars(span), "start": time.time() - 3600}))
    assert old.spans == []


def test_is_served_beside_the_metrics(collector: Collector) -> None:
    with serving(collector, {PATH: lambda: (HTML, render(collector, {}).encode())}) as url:
        with urllib.request.urlopen(url + PATH, timeout=5) as answer:
            assert "<title>RottenBot on this machine</title>" in answer.read().decode()
        assert requests.get(f"{url}/metrics", timeout=5).text.endswith("# EOF\n")
        assert requests.get(f"{url}/elsewhere", timeout=5).status_code == 404
        assert requests.post(f"{url}/v1/elsewhere", data=b"", timeout=5).status_code == 404
