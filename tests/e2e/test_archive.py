"""What people do with their saved photos: look back, correct, remove."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pg8000.native
import pytest
import requests

from localstack import parts
from localstack.client import Client
from localstack.stack import Stack
from tests.answers import bearer, detail
from tests.inside import archived, waiting
from tests.outage import without


@pytest.fixture
def saved(stack: Stack, client: Client, photo: Path, eventually: Callable[..., None]) -> str:
    uid = str(client.predict(photo, save=True)["prediction_uid"])
    eventually(lambda: arrived(stack, uid))
    return uid


@pytest.fixture
def stranger(stack: Stack) -> Client:
    return Client(stack.url).join()


def arrived(stack: Stack, uid: str) -> bool:
    """Whether a photo is in the archive and nowhere else."""
    return bool(archived(stack, uid)) and not waiting(stack, uid)


def test_a_photo_is_removed_with_its_record(stack: Stack, client: Client, saved: str) -> None:
    address = client.record(saved)["image_url"]
    assert requests.get(address, timeout=10).ok
    assert archived(stack, saved)
    answer = client.http.delete(f"{client.api}/inference/predictions/{saved}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert archived(stack, saved) == []
    assert requests.get(address, timeout=10).status_code == 404
    detail(client.http.get(f"{client.api}/inference/predictions/{saved}"), 404)
    detail(client.http.delete(f"{client.api}/inference/predictions/{saved}"), 404)
    assert saved not in [one["uid"] for one in client.call("GET", "/inference/predictions")["predictions"]]


def test_every_version_of_a_removed_photo_goes(stack: Stack, client: Client, saved: str, photo: Path) -> None:
    store, (key,) = stack.archive(), archived(stack, saved)
    store.put_bucket_versioning(Bucket=parts.ARCHIVE_BUCKET, VersioningConfiguration={"Status": "Enabled"})
    try:
        for _ in range(2):
            store.put_object(Bucket=parts.ARCHIVE_BUCKET, Key=key, Body=photo.read_bytes())
        assert client.http.delete(f"{client.api}/inference/predictions/{saved}").status_code == 204
        left = store.list_object_versions(Bucket=parts.ARCHIVE_BUCKET, Prefix=key)
        assert left.get("Versions", []) == []
        assert left.get("DeleteMarkers", []) == []
    finally:
        store.put_bucket_versioning(Bucket=parts.ARCHIVE_BUCKET, VersioningConfiguration={"Status": "Suspended"})


def test_nobody_removes_or_corrects_the_photo_of_another(client: Client, stranger: Client, saved: str) -> None:
    address = f"{client.api}/inference/predictions/{saved}"
    detail(stranger.http.delete(address), 404)
    detail(stranger.http.put(f"{address}/label", json={"class_name": "Apple__Rotten"}), 404)
    detail(requests.delete(address, timeout=10), 401)
    detail(requests.put(f"{address}/label", json={"class_name": "Apple__Rotten"}, timeout=10), 401)
    assert client.record(saved)["label"] is None


def test_a_photo_that_is_on_its_way_can_be_removed_when_it_has_arrived(
    stack: Stack, client: Client, photo: Path, eventually: Callable[..., None]
) -> None:
    with without(stack, "Archive"):
        uid = client.predict(photo, save=True)["prediction_uid"]
        answer = client.http.delete(f"{client.api}/inference/predictions/{uid}")
        assert "still on its way" in detail(answer, 409)
    eventually(lambda: arrived(stack, uid))
    assert client.http.delete(f"{client.api}/inference/predictions/{uid}").status_code == 204


def test_while_the_archive_is_away_nothing_is_removed_by_half(stack: Stack, client: Client, saved: str) -> None:
    with without(stack, "Archive"):
        detail(client.http.delete(f"{client.api}/inference/predictions/{saved}"), 503)
        assert client.record(saved)["status"] == "recorded"
    assert client.http.delete(f"{client.api}/inference/predictions/{saved}").status_code == 204


def test_a_correction_is_kept_beside_the_answer(client: Client, saved: str) -> None:
    before = client.record(saved)
    corrected = client.call("PUT", f"/inference/predictions/{saved}/label", json={"class_name": "Mango__Rotten"})
    assert corrected["label"] == client.record(saved)["label"] == "Mango__Rotten"
    assert corrected["predicted_class_name"] == before["predicted_class_name"]
    wrong = client.http.put(f"{client.api}/inference/predictions/{saved}/label", json={"class_name": "Mango__Overripe"})
    assert "There is no class 'Mango__Overripe'" in detail(wrong, 422)
    detail(client.http.put(f"{client.api}/inference/predictions/{uuid4()}/label", json={"class_name": "x"}), 422)


def test_counts_go_by_day_kind_and_what_the_user_says(client: Client, photo: Path) -> None:
    assert client.call("GET", "/inference/stats") == {"counts": []}
    uids = [client.predict(photo, save=True)["prediction_uid"] for _ in range(3)]
    for uid in uids:
        client.wait_for(uid)
    (count,) = client.call("GET", "/inference/stats")["counts"]
    assert (count["kind"], count["healthy"], count["rotten"]) == ("Banana", 3, 0)
    client.call("PUT", f"/inference/predictions/{uids[0]}/label", json={"class_name": "Banana__Rotten"})
    (count,) = client.call("GET", "/inference/stats")["counts"]
    assert (count["kind"], count["healthy"], count["rotten"]) == ("Banana", 2, 1)


def rows(stack: Stack, statement: str, user_uid: str) -> int:
    with pg8000.native.Connection(**stack.database()) as connection:
        return int(connection.run(f"SELECT count(*) FROM {statement} = CAST(:uid AS uuid)", uid=user_uid)[0][0])


def left(stack: Stack, user_uid: str) -> list[str]:
    """All that there is of a user in the two buckets."""
    return archived(stack, user_uid) + waiting(stack, user_uid)


def test_an_account_goes_with_all_that_belongs_to_it(
    stack: Stack, client: Client, stranger: Client, photo: Path, saved: str, eventually: Callable[..., None]
) -> None:
    uid = client.user["uid"]
    kept = stranger.predict(photo, save=True)["prediction_uid"]
    form = client.call("POST", "/inference/uploads", json={"content_type": "image/jpeg"})
    elsewhere = Client(stack.url)
    elsewhere.email, elsewhere.password = client.email, client.password
    elsewhere.log_in()
    with without(stack, "Archive"):
        client.predict(photo, save=True)
        answer = client.http.delete(f"{client.api}/auth/me")
    assert (answer.status_code, answer.content) == (204, b"")

    for session in (client, elsewhere):
        detail(session.http.get(f"{client.api}/auth/me"), 401)
        detail(session.http.get(f"{client.api}/inference/predictions"), 401)
    detail(requests.post(f"{client.api}/auth/login", json=client.login, timeout=10), 401)
    detail(requests.get(f"{client.api}/auth/refresh_token", headers=bearer(client.refresh_token), timeout=10), 401)
    assert rows(stack, "user_accounts WHERE uid", uid) == 0
    eventually(lambda: left(stack, uid) == [] and rows(stack, "predictions WHERE user_uid", uid) == 0, 60)

    uploaded = requests.post(form["url"], data=form["fields"], files={"file": photo.read_bytes()}, timeout=10)
    assert uploaded.status_code == 201
    eventually(lambda: left(stack, uid) == [])  # classified, and then not recorded
    assert rows(stack, "predictions WHERE user_uid", uid) == 0
    assert stranger.wait_for(kept)["status"] == "recorded"


def test_an_account_that_was_removed_leaves_its_email_free(stack: Stack, client: Client) -> None:
    client.http.delete(f"{client.api}/auth/me")
    names = {"first_name": "Ada", "last_name": "Baker"}
    assert client.call("POST", "/auth/signup", json={**names, **client.login})["user"]["uid"] != client.user["uid"]


def test_without_a_token_nobody_is_removed(client: Client) -> None:
    detail(requests.delete(f"{client.api}/auth/me", timeout=10), 401)
    assert client.call("GET", "/auth/me")["uid"] == client.user["uid"]
