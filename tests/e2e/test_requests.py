"""Requests as all kinds of clients send them, through the gateway: forms, methods, JSON, and what is no request."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests

from localstack.client import Client
from localstack.stack import Stack
from tests.answers import bearer, detail
from tests.forms import CLIENTS, NAME, Form, disposition, written


@pytest.fixture
def address(client: Client) -> str:
    return f"{client.api}/inference/predict"


@pytest.fixture
def token(client: Client) -> dict[str, str]:
    return {"Authorization": str(client.http.headers["Authorization"])}


@pytest.mark.parametrize("name", CLIENTS)
def test_every_clients_form_is_classified(client: Client, address: str, photo: Path, name: str) -> None:
    form: Form = CLIENTS[name](photo.read_bytes())
    answer = client.http.post(address, data=form.body, headers={"Content-Type": form.content_type})
    assert answer.status_code == 200, answer.text
    assert answer.json()["predicted_class_name"] == photo.stem


def test_a_form_may_come_in_pieces_of_unknown_length(client: Client, address: str, photo: Path) -> None:
    form = CLIENTS["undici"](photo.read_bytes())

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(form.body), 5000):
            yield form.body[start : start + 5000]

    answer = client.http.post(address, data=pieces(), headers={"Content-Type": form.content_type})
    assert answer.json()["predicted_class_name"] == photo.stem


def test_httpx_and_aiohttp_send_photos(address: str, token: dict[str, str], photo: Path) -> None:
    file = (NAME, photo.read_bytes(), "image/jpeg")
    assert httpx.post(address, files={"file": file}, headers=token).json()["predicted_class_name"] == photo.stem

    async def send() -> Any:
        form = aiohttp.FormData()
        form.add_field("file", file[1], filename=NAME, content_type=file[2])
        async with aiohttp.ClientSession() as session, session.post(address, data=form, headers=token) as answer:
            return await answer.json()

    assert asyncio.run(send())["predicted_class_name"] == photo.stem


def test_a_form_that_cannot_be_read_is_told_why(client: Client, address: str, photo: Path) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    whole = written("b", (disposition("name=file", "Content-Type: image/jpeg"), photo.read_bytes()))
    reasons = {
        whole[:-10]: "cut off",
        b"": "boundary",
        whole.replace(b"\r\n", b"\n"): "form",
        written("b", *[(disposition(f"name=f{n}"), b"") for n in range(10_000)]): "parts",
        written("b", (disposition("name=file", "Content-Transfer-Encoding: base64"), b"AAAA")): "Encoding",
    }
    for body, reason in reasons.items():
        assert reason in detail(client.http.post(address, data=body, headers=headers), 400)
    assert "`file`" in detail(client.http.post(address, data=written("b"), headers=headers), 422)
    too_large = {"file": ("a.jpg", bytes(4_500_001), "image/jpeg")}
    assert "uploads" in detail(client.http.post(address, files=too_large), 413)


@pytest.fixture
def raw(stack: Stack) -> Callable[..., tuple[int, bytes]]:
    """Sends bytes as they are; answers with the status and the body."""
    host = urlsplit(stack.url)

    def send(method: str, target: str, *headers: str, body: bytes = b"") -> tuple[int, bytes]:
        lines = [f"{method} {target} HTTP/1.1", "Host: any", "Connection: close", *headers, "", ""]
        with socket.create_connection((host.hostname or "", host.port or 0), timeout=20) as connection:
            connection.sendall("\r\n".join(lines).encode("latin-1") + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, rest = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), rest

    return send


TARGETS = ["%00", "%ff", "%c0%af", "%ed%a0%80", "%2F", "%", "%zz", "+", "..%2f..", "a%0d%0aX:%201", "x" * 3000, "\xff"]


@pytest.mark.parametrize("text", TARGETS)
def test_no_address_and_no_query_is_a_fault_of_ours(
    raw: Callable[..., tuple[int, bytes]], token: dict[str, str], text: str
) -> None:
    log_in = f"Authorization: {token['Authorization']}"
    for target in (f"predictions/{text}", f"predictions?class={text}", f"predictions?cursor={text}", f"stats?{text}=1"):
        status, _ = raw("GET", f"/api/v1/inference/{target}", log_in)
        assert status in (200, 404, 422), target


def test_a_length_that_is_wrong_is_a_cut_off_form(raw: Callable[..., tuple[int, bytes]], token: dict[str, str]) -> None:
    body = written("b", (disposition("name=file", "Content-Type: image/jpeg"), b"photo"))
    headers = [f"Authorization: {token['Authorization']}", "Content-Type: multipart/form-data; boundary=b"]
    status, answer = raw(
        "POST", "/api/v1/inference/predict", *headers, f"Content-Length: {len(body) - 20}", body=body[:-20]
    )
    assert status == 400
    assert b"cut off" in answer


def test_head_answers_as_get_without_a_body(client: Client) -> None:
    for path in ("/health", "/openapi.json", "/docs", "/auth/me", "/inference/predictions", "/inference/stats"):
        head, whole = client.http.head(client.api + path), client.http.get(client.api + path)
        assert head.status_code == whole.status_code == 200
        assert head.content == b""
        for name in ("Content-Type", "Content-Length", "Cache-Control"):
            assert head.headers[name] == whole.headers[name]
    assert requests.head(f"{client.api}/auth/me").status_code == 401
    assert requests.head(f"{client.api}/nothing").status_code == 404


def test_options_tells_the_methods_of_every_documented_address(stack: Stack) -> None:
    document = requests.get(f"{stack.url}/api/v1/openapi.json").json()
    for path, calls in document["paths"].items():
        answer = requests.options(stack.url + path.replace("{uid}", "x"))
        assert (answer.status_code, answer.content) == (204, b"")
        methods = {method.upper() for method in calls} | {"OPTIONS"}
        assert set(answer.headers["Allow"].split(", ")) == methods | (
            {"HEAD"} if "GET" in methods and "POST" not in methods else set()
        )
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
    detail(requests.options(f"{stack.url}/api/v1/nothing"), 404)


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        ('{"email": ' + "1" * 5000 + "}", "application/json", "digits"),
        ("[" * 50_000 + "]" * 50_000, "application/json", "deep"),
        ('{"email": "\\ud800", "password": "b"}', "application/json", "`email`"),
        ('{"email": "a", "password": "b\\u0000"}', "application/json", "`password`"),
        ('{"email": "a@example.com"}', "application/json", "`password` is missing"),
        ("email=a&password=b", "application/x-www-form-urlencoded", "JSON"),
        ('{"email": "a"}'.encode("utf-16"), "application/json; charset=utf-16", "JSON"),
        ("", "", "missing"),
    ],
)
def test_a_log_in_that_cannot_be_read_is_told_why(
    stack: Stack, body: bytes | str, content_type: str, told: str
) -> None:
    headers = {"Content-Type": content_type}
    answer = requests.post(f"{stack.url}/api/v1/auth/login", data=body, headers=headers)
    assert told in detail(answer, answer.status_code)
    assert answer.status_code in (415, 422)


@pytest.mark.parametrize("content_type", ["Application/JSON", "application/json; charset=UTF-8", None])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_log_in_is_taken_as_clients_write_it(client: Client, content_type: str | None, mark: str) -> None:
    body = (mark + json.dumps(client.login)).encode()
    answer = requests.post(f"{client.api}/auth/login", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == 200
    assert requests.get(f"{client.api}/auth/me", headers=bearer(answer.json()["access_token"])).ok
