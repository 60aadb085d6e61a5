"""Parts of the system that are away for a while, and processes that die between two steps."""

import io
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pg8000.native
import pytest
import requests
from PIL import Image

from localstack import aws, parts, pending
from localstack.client import Client
from localstack.settings import ROOT
from localstack.stack import Stack
from tests.answers import bearer, detail
from tests.inside import archived, waiting
from tests.outage import giving_up_at_once, paused

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


def test_what_is_not_ours_is_set_aside_at_once(
    client: Client, stack: Stack, photo: Path, eventually: Eventually
) -> None:
    store, bucket = stack.aws("s3"), stack.resource("EventsBucket")
    uid = str(uuid.uuid4())
    foreign = [f"{stage}/{name}" for stage in ("uploads", "classified") for name in ("poison.jpg", "a b/ü", "é" * 400)]
    foreign += [f"uploads/{client.user['uid']}/{uid}.jpg.exe", f"forget/{'-' * 36}", "forget/everybody"]
    for key in foreign:
        store.put_object(Bucket=bucket, Key=key, Body=b"of somebody else")
    for queue in ("UploadsQueue", "ClassifiedQueue"):
        for body in ("", "no JSON", "[]", '{"Records": [{}]}', '{"Records": [{"s3": {"object": {"key": 1}}}]}'):
            stack.aws("sqs").send_message(QueueUrl=stack.resource(queue), MessageBody=body or " ")
    assert client.wait_for(client.upload(photo))["status"] == "recorded"
    assert client.wait_for(client.predict(photo, save=True)["prediction_uid"])["status"] == "recorded"
    eventually(lambda: not any(aws.queue_depths(stack.aws("sqs")).values()), seconds=5)
    left = store.list_objects_v2(Bucket=bucket)["Contents"]
    assert {found["Key"] for found in left} >= set(foreign)
    detail(client.http.get(f"{client.api}/inference/predictions/{uid}"), 404)
    store.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in foreign]})


RESULT = {"model_version": "1", "created_at": "2026-01-01T00:00:00+00:00", "top": [], "reason": "Any."}
ODD_RESULTS = [
    None,
    "",
    "no JSON",
    "null",
    "[]",
    '"text"',
    "1e999",
    "{}",
    "[" * 900,
    '{"top": ' + "9" * 1000 + "}",
    json.dumps({**RESULT, "reason": None}),
    json.dumps({**RESULT, "reason": "\x00"}),
    json.dumps({**RESULT, "created_at": "0001-01-01T00:00:00+23:59"}),
    json.dumps({**RESULT, "created_at": "9999-12-31T23:59:59-23:59"}),
    json.dumps({**RESULT, "created_at": None}),
    json.dumps({**RESULT, "top": {}}),
    json.dumps({**RESULT, "top": [[]]}),
    json.dumps({**RESULT, "top": [{"predicted_class": 10**30, "predicted_class_name": "x", "confidence": 1}]}),
    json.dumps({**RESULT, "top": [{"predicted_class": 1, "predicted_class_name": "x", "confidence": float("nan")}]}),
]


def test_a_photo_without_a_result_that_can_be_read_is_a_failed_record(
    client: Client, stack: Stack, photo: Path, eventually: Eventually
) -> None:
    user, sent = client.user["uid"], {}
    for result in ODD_RESULTS:
        uid = str(uuid.uuid4())
        sent[uid] = result
        stack.aws("s3").put_object(
            Bucket=stack.resource("EventsBucket"),
            Key=f"classified/{user}/{uid}.jpg",
            Body=photo.read_bytes(),
            Metadata={} if result is None else {"result": result},
        )
    for uid, result in sent.items():
        record = client.wait_for(uid)
        assert (record["status"], record["reason"]) == ("failed", "The photo could not be processed."), result
    eventually(lambda: not waiting(stack, user))
    assert sorted(archived(stack, user)) == sorted(f"rejected/{user}/{uid}.jpg" for uid in sent)


def test_an_upload_that_is_given_up_on_becomes_a_failed_record(
    client: Client, stack: Stack, tmp_path: Path, photo: Path, eventually: Eventually
) -> None:
    told = tmp_path / "told.jpg"
    with Image.open(photo) as image:
        image.save(told, comment="where it was taken")
    sqs, queue = stack.aws("sqs"), stack.resource("UploadsQueue")
    with paused(stack, "PredictEventsFunction"), giving_up_at_once(stack, "UploadsQueue"):
        uid = client.upload(told)
        assert client.record(uid) == {"uid": uid, "status": "pending"}

        def given_up() -> bool:
            sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)  # in vain, and then the queue itself moves it
            return bool(client.record(uid)["status"] != "pending")

        eventually(given_up)
    record = client.record(uid)
    assert (record["status"], record["reason"]) == ("failed", "The photo could not be processed.")
    assert record["predicted_class"] is None
    kept = requests.get(record["image_url"], timeout=10).content
    assert b"where it was taken" in told.read_bytes()
    assert b"where it was taken" not in kept
    with Image.open(io.BytesIO(kept)) as image, Image.open(told) as before:
        assert image.tobytes() == before.tobytes()
    assert archived(stack, uid) == [f"rejected/{client.user['uid']}/{uid}.jpg"]
    eventually(lambda: not waiting(stack, uid) and not any(aws.queue_depths(sqs).values()))


def test_a_photo_whose_row_cannot_be_written_becomes_a_failed_record(
    client: Client, stack: Stack, photo: Path, eventually: Eventually
) -> None:
    with paused(stack, "ArchiveEventsFunction"):
        uid = client.predict(photo, save=True)["prediction_uid"]
        with pg8000.native.Connection(**stack.database()) as connection:  # another row that claims its place
            connection.run(
                """INSERT INTO predictions (uid, user_uid, image_path, content_type, status, reason, top_classes,
                       model_version, created_at)
                   VALUES (gen_random_uuid(), gen_random_uuid(), :path, 'image/jpeg', 'failed', 'Any.', '[]', '1',
                       now())""",
                path=f"images/{client.user['uid']}/{uid}.jpg",
            )
    record = client.wait_for(uid)  # after ten tries
    assert (record["status"], record["reason"]) == ("failed", "The photo could not be processed.")
    eventually(lambda: not waiting(stack, uid))
    assert requests.get(record["image_url"], timeout=10).content == photo.read_bytes()


def test_a_photo_in_the_dead_letters_is_recorded_as_it_is_when_what_was_in_the_way_is_gone(
    client: Client, stack: Stack, outage: Outage, photo: Path, eventually: Eventually
) -> None:
    letters = "ClassifiedDeadLetters"
    with giving_up_at_once(stack, "ClassifiedQueue"), outage("Archive"):
        uid = client.predict(photo, save=True)["prediction_uid"]
        eventually(lambda: any(letters in name and depth for name, depth in aws.queue_depths(stack.aws("sqs")).items()))
        time.sleep(3)  # it is tried there, in vain
        assert len(waiting(stack, uid)) == 1
    eventually(lambda: not waiting(stack, uid))
    assert client.record(uid)["predicted_class_name"] == photo.stem
    assert archived(stack, uid) == [f"images/{client.user['uid']}/{uid}.jpg"]


def test_a_user_is_forgotten_even_from_the_dead_letters(client: Client, stack: Stack, eventually: Eventually) -> None:
    uid = client.user["uid"]
    body = bucket_event(f"forget/{uid}")["Records"][0]["body"]
    with paused(stack, "ArchiveEventsFunction"):
        stack.aws("s3").put_object(Bucket=stack.resource("EventsBucket"), Key=f"forget/{uid}", Body=b"")
        stack.aws("sqs").send_message(QueueUrl=stack.resource("ClassifiedDeadLetters"), MessageBody=body)
        eventually(lambda: not waiting(stack, uid))


def test_a_batch_reports_only_the_messages_that_failed(
    client: Client, stack: Stack, outage: Outage, photo: Path
) -> None:
    with paused(stack, "ArchiveEventsFunction"):
        uid = client.predict(photo, save=True)["prediction_uid"]
        key = f"classified/{client.user['uid']}/{uid}.jpg"
        events = [bucket_event(key), bucket_event("classified/foreign.jpg"), s3_test_event()]
        batch = {"Records": [event["Records"][0] for event in events]}
        with outage("Archive"):
            answer = stack.invoke("ArchiveEventsFunction", batch)
        assert answer == {"batchItemFailures": [{"itemIdentifier": key}]}
    assert client.wait_for(uid)["status"] == "recorded"


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


def test_what_is_ours_is_kept_over_a_restart_and_nothing_else(client: Client, stack: Stack, tmp_path: Path) -> None:
    store, bucket, user = stack.aws("s3"), stack.resource("EventsBucket"), client.user["uid"]
    ours = [f"uploads/{user}/{uuid.uuid4()}.bin", f"classified/{user}/{uuid.uuid4()}.heic", f"forget/{user}"]
    foreign = [f"uploads/{user}.txt", f"uploads/{user}.txt/below", f"uploads/../../{user}"]
    with paused(stack, "PredictEventsFunction"), paused(stack, "ArchiveEventsFunction"):
        for key in (*ours, *foreign):
            store.put_object(Bucket=bucket, Key=key, Body=key.encode(), Metadata={"told": "yes"})
        pending.keep(parts.localstack_url(stack.settings), bucket, tmp_path / "kept")
        store.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in (*ours, *foreign)]})
        pending.restore(parts.localstack_url(stack.settings), bucket, tmp_path / "kept")
        assert sorted(waiting(stack, user)) == sorted(ours)
        kept = store.get_object(Bucket=bucket, Key=ours[-1])
        assert (kept["Body"].read().decode(), kept["Metadata"]) == (ours[-1], {"told": "yes"})
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


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
