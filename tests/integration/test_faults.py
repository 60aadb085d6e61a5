"""Parts of the system that are away for a while, and processes that die between two steps."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pg8000.native
import pytest
import requests

from localstack.client import Client
from localstack.settings import ROOT
from localstack.stack import Stack
from tests.answers import bearer, detail
from tests.inside import archived, messages, waiting

Outage = Callable[[str], Any]
Eventually = Callable[..., None]


@pytest.fixture
def rows(stack: Stack) -> Callable[[str], int]:
    def count(uid: str) -> int:
        with pg8000.native.Connection(**stack.database()) as connection:
            return int(connection.run("SELECT count(*) FROM predictions WHERE uid = CAST(:uid AS uuid)", uid=uid)[0][0])

    return count


def test_without_redis_nobody_is_let_in_and_nobody_is_locked_out(client: Client, outage: Outage, photo: Path) -> None:
    with outage("Redis"):
        answers = [
            client.http.get(f"{client.api}/auth/me"),
            client.http.get(f"{client.api}/auth/logout"),
            client.http.get(f"{client.api}/inference/predictions"),
            client.http.post(f"{client.api}/inference/uploads", json={"content_type": "image/jpeg"}),
            client.http.post(
                f"{client.api}/inference/predict", files={"file": ("a.jpg", photo.read_bytes(), "image/jpeg")}
            ),
            requests.post(f"{client.api}/auth/login", json=client.login),
            requests.get(f"{client.api}/auth/refresh_token", headers=bearer(client.refresh_token)),
        ]
        for answer in answers:
            detail(answer, 503)
        detail(requests.get(f"{client.api}/auth/me", headers=bearer("a.b.c")), 401)
    assert client.call("GET", "/auth/me") == client.user


def test_without_postgres_photos_are_still_classified_and_recorded_later(
    client: Client, outage: Outage, photo: Path
) -> None:
    with outage("PostgreSQL"):
        detail(client.http.get(f"{client.api}/auth/me"), 503)
        detail(requests.post(f"{client.api}/auth/login", json=client.login), 503)
        detail(client.http.get(f"{client.api}/inference/predictions"), 503)
        saved = client.predict(photo, save=True)
        assert saved["predicted_class_name"] == photo.stem
        uploaded = client.upload(photo)
    for uid in (saved["prediction_uid"], uploaded):
        assert client.wait_for(uid)["predicted_class_name"] == photo.stem


def test_a_connection_that_the_server_dropped_is_replaced(client: Client, stack: Stack) -> None:
    client.call("GET", "/auth/me")
    with pg8000.native.Connection(**stack.database()) as connection:
        connection.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rottenbot'")
    assert client.call("GET", "/auth/me") == client.user
    assert client.call("GET", "/inference/predictions") == {"predictions": [], "next_cursor": None}


def test_no_connection_is_left_inside_a_transaction(client: Client, stack: Stack) -> None:
    client.http.post(f"{client.api}/auth/signup", json={"first_name": "A", "last_name": "B", **client.login})
    client.call("GET", "/inference/predictions")
    with pg8000.native.Connection(**stack.database()) as connection:
        states = connection.run("SELECT state FROM pg_stat_activity WHERE application_name = 'rottenbot'")
    assert states
    assert {state for (state,) in states} == {"idle"}


def test_without_the_archive_nothing_is_deleted_and_everything_recorded_later(
    client: Client, stack: Stack, outage: Outage, photo: Path, eventually: Eventually
) -> None:
    with outage("Archive"):
        uid = client.predict(photo, save=True)["prediction_uid"]
        eventually(lambda: client.record(uid)["status"] == "recorded")  # the row comes first
        assert len(waiting(stack, uid)) == 1
    eventually(lambda: not waiting(stack, uid))
    assert archived(stack, uid) == [f"images/{client.user['uid']}/{uid}.jpg"]
    assert requests.get(client.record(uid)["image_url"]).content == photo.read_bytes()


def test_events_that_come_three_times_and_backwards_make_one_row(
    client: Client, stack: Stack, rows: Callable[[str], int], photo: Path, eventually: Eventually
) -> None:
    uid = client.upload(photo)
    client.wait_for(uid)
    eventually(lambda: not waiting(stack, uid))
    name = f"{client.user['uid']}/{uid}.jpg"
    for stage, function in [("classified", "ArchiveEventsFunction"), ("uploads", "PredictEventsFunction")] * 3:
        assert stack.invoke(function, bucket_event(f"{stage}/{name}")) == {"batchItemFailures": []}
    assert rows(uid) == 1
    assert archived(stack, uid) == [f"images/{name}"]
    assert waiting(stack, uid) == []


def test_a_poisoned_object_fails_alone_and_ends_in_the_dead_letters(
    client: Client, stack: Stack, photo: Path, eventually: Eventually
) -> None:
    bucket = stack.resource("EventsBucket")
    for key in ("uploads/poison.jpg", f"classified/{client.user['uid']}/{client.user['uid']}.jpg"):
        stack.aws("s3").put_object(Bucket=bucket, Key=key, Body=b"no result in my metadata")
    assert client.wait_for(client.upload(photo))["status"] == "recorded"
    assert client.wait_for(client.predict(photo, save=True)["prediction_uid"])["status"] == "recorded"
    letters = [stack.resource(name) for name in ("UploadsDeadLetters", "ClassifiedDeadLetters")]
    eventually(lambda: [messages(stack, address) for address in letters] == [1, 1], seconds=90)
    for address in letters:
        stack.aws("sqs").purge_queue(QueueUrl=address)


def test_a_batch_reports_only_the_messages_that_failed(stack: Stack) -> None:
    event = {"Records": [*bucket_event("uploads/foreign.jpg")["Records"], *s3_test_event()["Records"]]}
    answer = stack.invoke("PredictEventsFunction", event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "uploads/foreign.jpg"}]}


KILLED_AFTER_COPY = """
import os, sys
from datetime import datetime, UTC
from functions.archive import service, store
from rottenbot.bucket_events import CreatedObject
store.drop_classified = lambda created: os._exit(9)
service.record_photo(CreatedObject(sys.argv[1], None, datetime.now(UTC)))
"""
KILLED_AFTER_CLASSIFYING = """
import os, sys
from datetime import datetime, UTC
from functions.predict import service
from rottenbot.bucket_events import CreatedObject
from rottenbot.storage import Bucket
Bucket.delete = lambda self, key, version=None: os._exit(9)
service.classify_upload(CreatedObject(sys.argv[1], None, datetime.now(UTC)))
"""


@pytest.mark.parametrize(
    ("program", "stage"), [(KILLED_AFTER_COPY, "classified"), (KILLED_AFTER_CLASSIFYING, "uploads")]
)
def test_a_process_killed_before_it_deletes_loses_nothing(
    deployed: Stack,
    client: Client,
    rows: Callable[[str], int],
    photo: Path,
    eventually: Eventually,
    program: str,
    stage: str,
) -> None:
    with paused(deployed, "PredictEventsFunction"), paused(deployed, "ArchiveEventsFunction"):
        uid = client.upload(photo) if stage == "uploads" else client.predict(photo, save=True)["prediction_uid"]
        name = f"{client.user['uid']}/{uid}.jpg"
        died = subprocess.run([sys.executable, "-c", program, f"{stage}/{name}"], cwd=ROOT)
        assert died.returncode == 9
        assert f"{stage}/{name}" in waiting(deployed, uid)
    client.wait_for(uid)
    eventually(lambda: not waiting(deployed, uid))
    assert rows(uid) == 1
    assert requests.get(client.record(uid)["image_url"]).content == photo.read_bytes()


def test_a_photo_that_cannot_be_kept_is_an_error_and_not_a_silent_loss(deployed: Stack, photo: Path) -> None:
    program = """
import os, sys, uuid
os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"
from functions.predict import service
from rottenbot.problems import UnavailableError
try:
    service.classify(open(sys.argv[1], "rb").read(), "image/jpeg", uuid.uuid4(), keep_as=uuid.uuid4(), with_map=False)
except UnavailableError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", program, str(photo)], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout.strip() == "The photo could not be saved right now. Please try again later."


def test_a_saved_photo_is_pending_until_it_is_recorded(client: Client, stack: Stack, photo: Path) -> None:
    with paused(stack, "PredictEventsFunction"), paused(stack, "ArchiveEventsFunction"):
        for uid in (client.upload(photo), client.predict(photo, save=True)["prediction_uid"]):
            assert client.record(uid) == {"uid": uid, "status": "pending"}
    client.wait_for(uid)


def test_a_log_never_holds_a_token_a_password_an_email_or_a_photo(client: Client, stack: Stack, photo: Path) -> None:
    client.predict(photo)
    client.http.post(f"{client.api}/auth/login", json={**client.login, "password": "a wrong one"})
    client.http.post(f"{client.api}/auth/signup", json={**client.login, "first_name": "", "last_name": "x"})
    log = stack.processes.log("Gateway").read_text(errors="replace")
    token = str(client.http.headers["Authorization"]).split()[1]
    for secret in (client.email, client.password, "a wrong one", token, client.refresh_token, "JFIF"):
        assert secret not in log
    assert stack.credentials.database_password not in log
    assert '"function_request_id"' in log


def bucket_event(key: str) -> dict[str, Any]:
    record = {"eventTime": "2026-01-01T00:00:00.000Z", "s3": {"object": {"key": key}}}
    return queue_event(key, {"Records": [record]})


def s3_test_event() -> dict[str, Any]:
    return queue_event("test", {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "bucket"})


def queue_event(message_id: str, body: dict[str, Any]) -> dict[str, Any]:
    message = {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": json.dumps(body),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:queue",
        "awsRegion": "eu-west-1",
    }
    return {"Records": [message]}


class paused:  # noqa: N801
    """A block in which the queue of a function is not read."""

    def __init__(self, stack: Stack, function: str) -> None:
        self.lambdas = stack.aws("lambda")
        name = stack.resource(function)
        (mapping,) = self.lambdas.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        self.uuid = mapping["UUID"]

    def __enter__(self) -> None:
        self._set(enabled=False)

    def __exit__(self, *_: object) -> None:
        self._set(enabled=True)

    def _set(self, enabled: bool) -> None:
        self.lambdas.update_event_source_mapping(UUID=self.uuid, Enabled=enabled)
        wanted = "Enabled" if enabled else "Disabled"
        while self.lambdas.get_event_source_mapping(UUID=self.uuid)["State"] != wanted:
            time.sleep(0.05)
