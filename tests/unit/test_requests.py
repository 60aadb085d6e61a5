"""What a router answers to requests of every form, without a server: bodies, queries, methods, other sites."""

import base64
import binascii
import json
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import pytest
from aws_lambda_powertools.event_handler.openapi.params import Body, File, Header, Path, Query, UploadFile
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from localstack.settings import ROOT
from rottenbot import http
from rottenbot import settings as rottenbot_settings
from tests.forms import CLIENTS, PHOTO, disposition, written

Answer = dict[str, Any]
Handle = Callable[..., Answer]
SITE = "https://www.example.com"


class Person(BaseModel):
    name: str
    age: int = 0
    weight: float = 0
    friendly: bool = False
    tags: list[str] = []


class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"


app = http.router({})


@app.post("/people")
def greet(person: Annotated[Person, Body()]) -> Person:
    return person


@app.post("/photos")
def measure(file: Annotated[UploadFile | list[UploadFile], File()]) -> int:
    return len(file)


@app.get("/people/<uid>")
def find(
    uid: Annotated[UUID, Path()],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    friendly: Annotated[bool, Query()] = False,
    name: Annotated[str, Query(max_length=50)] = "",
    key: Annotated[UUID | None, Header(alias="Idempotency-Key")] = None,
) -> dict[str, Any]:
    return {"uid": uid, "limit": limit, "friendly": friendly, "name": name, "key": key}


@pytest.fixture(scope="module")
def handle() -> Handle:
    handler = http.handler(app, lambda: None)

    def send(
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, list[str]] | None = None,
    ) -> Answer:
        event = json.loads((ROOT / "tests/events/PredictFunction.json").read_text())
        event |= {"httpMethod": method, "path": path, "resource": path, "headers": headers}
        event["multiValueHeaders"] = {name: [value] for name, value in headers.items()} if headers else None
        event["multiValueQueryStringParameters"] = query
        event["queryStringParameters"] = {name: values[-1] for name, values in query.items()} if query else None
        event["isBase64Encoded"] = isinstance(body, bytes)
        event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
        answer = handler(event, Context())  # type: ignore[arg-type]
        assert answer["statusCode"] < HTTPStatus.INTERNAL_SERVER_ERROR, answer
        return answer

    return send


def problem(answer: Answer, *statuses: int) -> str:
    document = json.loads(answer["body"])
    assert answer["statusCode"] == document["status"]
    assert document["status"] in statuses, document
    detail = str(document["detail"])
    assert detail.endswith(".")
    return detail


def headers_of(answer: Answer) -> dict[str, str]:
    return {name: ", ".join(values) for name, values in answer["multiValueHeaders"].items()}


TAKEN = {
    "plain": ('{"name": "a"}', "application/json"),
    "bytes": (b'{"name": "a"}', "application/json"),
    "a byte order mark": ("\ufeff" + '{"name": "a"}', "application/json"),
    "a byte order mark in bytes": (b'\xef\xbb\xbf{"name": "a"}', "application/json"),
    "capitals": ('{"name": "a"}', "Application/JSON"),
    "a charset": ('{"name": "a"}', "application/json; charset=UTF-8"),
    "no space": ('{"name": "a"}', "application/json;charset=utf-8"),
    "a kind of JSON": ('{"name": "a"}', "application/vnd.api+json"),
    "no type": ('{"name": "a"}', None),
    "a name twice": ('{"name": "b", "name": "a"}', "application/json"),
    "a pair of surrogates": ('{"name": "\\ud83c\\udf4e"}', "application/json"),
    "space around": (' \r\n\t{"name": "a"}\n', "application/json"),
    "a number of 4,000 digits": ('{"name": "a", "age": ' + "1" * 4000 + "}", "application/json"),
    "more than is known": ('{"name": "a", "more": {"x": [1e400]}}', "application/json"),
}


@pytest.mark.parametrize(("body", "content_type"), TAKEN.values(), ids=TAKEN)
def test_json_is_taken_as_clients_write_it(handle: Handle, body: bytes | str, content_type: str | None) -> None:
    answer = handle("POST", "/people", body, {"content-type": content_type} if content_type else {})
    assert answer["statusCode"] == 200, answer["body"]
    assert json.loads(answer["body"])["name"] in ("a", "🍎")


REFUSED = {
    "a number of 5,000 digits": ('{"name": "a", "age": ' + "1" * 5000 + "}", "digits"),
    "50,000 levels": ('{"name": ' + "[" * 50_000 + "]" * 50_000 + "}", "deep"),
    "50,000 levels without an end": ('{"name":' * 50_000, "deep"),
    "900 levels": ('{"name": ' + "[" * 900 + "]" * 900 + "}", "`name`"),
    "NaN": ('{"name": "a", "weight": NaN}', "NaN"),
    "Infinity": ('{"name": "a", "weight": -Infinity}', "Infinity"),
    "half a surrogate pair": ('{"name": "\\ud800"}', "`name`"),
    "half a pair deep inside": ('{"name": "a", "tags": ["b", "\\udfff"]}', "`tags`"),
    "half a pair in what is not known": ('{"name": "a", "more": {"x": ["\\ud800"]}}', "`more.x`"),
    "NUL": ('{"name": "a\\u0000"}', "`name`"),
    "a raw NUL": ('{"name": "a\0"}', "not JSON"),
    "nothing": ("", "missing"),
    "no body": (None, "missing"),
    "white space": (" \n", "missing"),
    "null": ("null", "missing"),
    "a number": ("1", "object"),
    "a text": ('"text"', "object"),
    "an array": ('[{"name": "a"}]', "object"),
    "no field": ("{}", "`name` is missing"),
    "two texts": ("{}{}", "not JSON"),
    "a form in JSON's name": ("name=a", "not JSON"),
    "UTF-16": ('{"name": "a"}'.encode("utf-16"), "UTF-8"),
    "Latin-1": ('{"name": "ä"}'.encode("latin-1"), "UTF-8"),
}


@pytest.mark.parametrize(("body", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_request_is_refused_with_the_reason(handle: Handle, body: bytes | str | None, told: str) -> None:
    answer = handle("POST", "/people", body, {"Content-Type": "application/json"})
    assert told in problem(answer, 400, 422)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "json", ";"]
)
def test_another_type_than_json_is_refused(handle: Handle, content_type: str) -> None:
    answer = handle("POST", "/people", '{"name": "a"}', {"Content-Type": content_type})
    assert "application/json" in problem(answer, 415) if content_type != ";" else answer["statusCode"] == 200


def test_a_body_that_is_wrongly_encoded_is_refused(handle: Handle) -> None:
    event = json.loads((ROOT / "tests/events/PredictFunction.json").read_text())
    event |= {"httpMethod": "POST", "path": "/people", "body": "ä", "isBase64Encoded": True}
    assert "base64" in problem(http.handler(app, lambda: None)(event, Context()), 400)  # type: ignore[arg-type]


@pytest.mark.parametrize("write", CLIENTS.values(), ids=CLIENTS)
def test_a_route_gets_the_file_of_every_clients_form(handle: Handle, write: Callable[[bytes], Any]) -> None:
    form = write(PHOTO)
    for name in ("Content-Type", "content-type", "CONTENT-TYPE"):
        assert handle("POST", "/photos", form.body, {name: form.content_type})["body"] == str(len(PHOTO))


def test_a_body_is_decoded_once(handle: Handle) -> None:
    form = CLIENTS["Chrome and Safari"](PHOTO)
    decoded = 0

    def count(_frame: Any, event: str, function: Any) -> None:
        nonlocal decoded
        decoded += event == "c_call" and function is binascii.a2b_base64

    sys.setprofile(count)
    try:
        handle("POST", "/photos", form.body, {"Content-Type": form.content_type})
    finally:
        sys.setprofile(None)
    assert decoded == 1


def test_a_form_without_the_file_is_told_what_it_lacks(handle: Handle) -> None:
    other = written("b", (disposition("name=other"), PHOTO))
    for body, content_type in ((other, "multipart/form-data; boundary=b"), (b"{}", "application/json"), (b"", "")):
        told = problem(handle("POST", "/photos", body, {"Content-Type": content_type}), 422)
        assert "`file`" in told
        assert "multipart/form-data" in told
    problem(handle("POST", "/photos", PHOTO, {"Content-Type": "image/jpeg"}), 415)


UID = "0af7651916cd43dd8448eb211c80319c"
SPELLINGS = [
    UID,
    UID.upper(),
    str(UUID(UID)),
    f"urn:uuid:{UUID(UID)}",
    f"{{{UUID(UID)}}}",
]


@pytest.mark.parametrize("uid", SPELLINGS)
def test_an_id_is_taken_in_every_usual_spelling(handle: Handle, uid: str) -> None:
    answer = handle("GET", f"/people/{uid}", headers={"idempotency-key": uid})
    assert json.loads(answer["body"])["uid"] == json.loads(answer["body"])["key"] == str(UUID(UID))


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("1", True), ("yes", True), ("on", True), ("FALSE", False), ("0", False)]
)
def test_yes_and_no_are_taken_in_every_usual_spelling(handle: Handle, text: str, value: bool) -> None:
    answer = handle("GET", f"/people/{UID}", query={"friendly": [text]})
    assert json.loads(answer["body"])["friendly"] is value


WRONG_QUERIES = [
    {"limit": [""]},
    {"limit": ["1", "2"]},
    {"limit": ["9" * 5000]},
    {"limit": ["1e2"]},
    {"limit": ["-1"]},
    {"friendly": [""]},
    {"friendly": ["maybe"]},
    {"name": ["a\0"]},
    {"name": ["\ud800"]},
    {"name": ["a", "b"]},
    {"name": ["x" * 100_000]},
]


@pytest.mark.parametrize("query", WRONG_QUERIES, ids=str)
def test_a_wrong_parameter_is_named(handle: Handle, query: dict[str, list[str]]) -> None:
    (name,) = query
    assert f"query parameter `{name}`" in problem(handle("GET", f"/people/{UID}", query=query), 422)


def test_a_comma_in_a_text_is_part_of_it(handle: Handle) -> None:
    answer = handle("GET", f"/people/{UID}", query={"name": ["a,b"]})
    assert json.loads(answer["body"])["name"] == "a,b"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANY = st.recursive(SCALARS, lambda one: st.lists(one) | st.dictionaries(st.text(), one))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["name", "age", "weight", "friendly", "tags"]), ANY) | ANY)
def test_no_json_value_is_a_fault_of_ours(handle: Handle, value: Any) -> None:
    handle("POST", "/people", json.dumps(value), {"Content-Type": "application/json"})


@settings(max_examples=300, deadline=None)
@given(st.binary(), st.text())
def test_no_body_and_no_type_is_a_fault_of_ours(handle: Handle, body: bytes, content_type: str) -> None:
    for path in ("/people", "/photos"):
        for kind in (content_type, "application/json", f"multipart/form-data; boundary={content_type}"):
            handle("POST", path, body, {"Content-Type": kind})


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec=None)), st.sampled_from(["limit", "friendly", "name", "x"]))
def test_no_parameter_is_a_fault_of_ours(handle: Handle, text: str, name: str) -> None:
    handle("GET", f"/people/{text}", query={name: [text]}, headers={"Idempotency-Key": text})
    handle("GET", f"/people/{UID}", query={name: [text, text]})


def test_head_is_get_without_the_body(handle: Handle) -> None:
    path = f"/people/{UID}"
    whole, head = handle("GET", path), handle("HEAD", path)
    assert (head["statusCode"], head["body"]) == (200, "")
    assert head["multiValueHeaders"]["Content-Length"] == [str(len(whole["body"].encode()))]
    assert headers_of(head)["Content-Type"] == headers_of(whole)["Content-Type"]
    assert handle("HEAD", "/people/x")["statusCode"] == handle("GET", "/people/x")["statusCode"] == 422
    assert handle("HEAD", "/photos")["body"] == ""


def test_options_tells_the_methods_of_an_address(handle: Handle) -> None:
    answer = handle("OPTIONS", f"/people/{UID}")
    assert (answer["statusCode"], answer["body"] or "") == (204, "")
    assert headers_of(answer)["Allow"] == "GET, HEAD, OPTIONS"
    assert headers_of(handle("OPTIONS", "/photos"))["Allow"] == "OPTIONS, POST"
    problem(handle("OPTIONS", "/nothing"), 404)


def test_another_method_is_told_which_ones_there_are(handle: Handle) -> None:
    answer = handle("PATCH", "/photos")
    assert "OPTIONS, POST" in problem(answer, 404)
    assert headers_of(answer)["Allow"] == "OPTIONS, POST"


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CORS_ORIGINS", f"{SITE},http://localhost:8080")
    rottenbot_settings.cors.cache_clear()
    yield
    rottenbot_settings.cors.cache_clear()


def cross_origin(answer: Answer) -> dict[str, str]:
    return {name: value for name, value in headers_of(answer).items() if name.startswith(("Access", "Vary"))}


def test_no_other_site_is_let_in_by_default(handle: Handle) -> None:
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    for answer in (handle("OPTIONS", "/photos", headers=asked), handle("GET", f"/people/{UID}", headers=asked)):
        assert cross_origin(answer) == {}


@pytest.mark.usefixtures("sites")
def test_a_site_of_the_setting_is_let_in_without_cookies(handle: Handle) -> None:
    asked = {"origin": SITE, "Access-Control-Request-Method": "POST"}
    preflight = handle("OPTIONS", "/photos", headers=asked)
    assert preflight["statusCode"] == 204
    found = cross_origin(preflight)
    assert found["Access-Control-Allow-Origin"] == SITE
    assert found["Access-Control-Allow-Methods"] == "OPTIONS, POST"
    assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(
        found["Access-Control-Allow-Headers"].split(", ")
    )
    assert "session" not in found["Access-Control-Allow-Headers"].lower()
    assert "Access-Control-Allow-Credentials" not in found
    for answer in (
        handle("GET", f"/people/{UID}", headers={"Origin": SITE}),
        handle("GET", "/people/x", headers={"Origin": SITE}),
        handle("POST", "/people", "{", headers={"Origin": SITE}),
        handle("GET", "/nothing", headers={"Origin": SITE}),
    ):
        assert cross_origin(answer)["Access-Control-Allow-Origin"] == SITE
        assert cross_origin(answer)["Vary"] == "Origin"


@pytest.mark.usefixtures("sites")
@pytest.mark.parametrize(
    "origin", ["null", "*", "", "https://example.com", f"{SITE}.evil.example", f"{SITE}:443", SITE.upper(), f"{SITE}/"]
)
def test_any_other_site_is_not(handle: Handle, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-Session"}
    for answer in (handle("OPTIONS", "/photos", headers=asked), handle("GET", "/people/x", headers=asked)):
        assert cross_origin(answer) == {"Vary": "Origin"}
