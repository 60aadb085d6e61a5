"""What admins see of everybody, and that nobody else sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from localstack.client import Client
from localstack.processes import PartError
from localstack.stack import Stack
from tests.answers import bearer, detail

CALLS = ("/auth/users", "/inference/reviews")


@pytest.fixture
def admin(stack: Stack) -> Client:
    admin = Client(stack.url).join()
    stack.invoke("MigrateFunction", {"MakeAdmin": admin.email})
    return refreshed(admin)


def refreshed(client: Client) -> Client:
    pair = client.call("POST", "/auth/refresh_token", headers=bearer(client.refresh_token))
    client.http.headers.update(bearer(pair["access_token"]))
    client.refresh_token = pair["refresh_token"]
    return client


@pytest.fixture
def page(admin: Client) -> Callable[..., Any]:
    def read(path: str, **params: Any) -> Any:
        return admin.call("GET", path, params=params)

    return read


@pytest.mark.parametrize("call", CALLS)
def test_only_for_admins(client: Client, call: str) -> None:
    assert "Only admins" in detail(client.http.get(client.api + call), 403)
    detail(requests.get(client.api + call, timeout=10), 401)


def test_an_account_becomes_admin_with_its_next_token_and_stops_being_one(stack: Stack, client: Client) -> None:
    stack.invoke("MigrateFunction", {"MakeAdmin": client.email.upper()})
    detail(client.http.get(f"{client.api}/auth/users"), 403)
    assert refreshed(client).call("GET", "/auth/me")["role"] == "admin"
    assert client.call("GET", "/auth/users")["users"]
    stack.invoke("MigrateFunction", {"MakeUser": client.email})
    detail(refreshed(client).http.get(f"{client.api}/auth/users"), 403)
    with pytest.raises(PartError, match="There is no account with this email"):
        stack.invoke("MigrateFunction", {"MakeAdmin": "nobody@example.com"})


def test_users_come_newest_first_and_without_secrets(client: Client, page: Callable[..., Any], admin: Client) -> None:
    first = page("/auth/users", limit=1)
    second = page("/auth/users", limit=1, cursor=first["next_cursor"])
    (one,), (two,) = first["users"], second["users"]
    assert [one["email"], two["email"]] in ([admin.email, client.email], [client.email, admin.email])
    assert one["created_at"] > two["created_at"]
    assert "password_hash" not in one
    detail(admin.http.get(f"{admin.api}/auth/users?cursor=x"), 422)


def test_photos_are_seen_only_where_their_user_shares_them(
    client: Client, page: Callable[..., Any], photo: Path
) -> None:
    kept, shared = (client.predict(photo, save=True)["prediction_uid"] for _ in range(2))
    for uid in (kept, shared):
        client.wait_for(uid)
    label = {"class_name": "Banana__Rotten", "share": True}
    assert client.call("PUT", f"/inference/predictions/{shared}/label", json=label)["shared"] is True

    def mine(**params: Any) -> dict[str, Any]:
        found = page("/inference/reviews", **params)["predictions"]
        return {one["uid"]: one for one in found if one["user_uid"] == client.user["uid"]}

    seen = mine()
    assert set(seen) == {kept, shared}
    assert seen[kept]["image_url"] is None
    assert requests.get(seen[shared]["image_url"], timeout=10).content == photo.read_bytes()
    assert set(mine(corrected=True)) == {shared}
    client.call("PUT", f"/inference/predictions/{shared}/label", json={"class_name": "Banana__Rotten"})
    assert mine()[shared]["image_url"] is None
    first = page("/inference/reviews", limit=1)
    assert page("/inference/reviews", limit=1, cursor=first["next_cursor"])["predictions"] != first["predictions"]
