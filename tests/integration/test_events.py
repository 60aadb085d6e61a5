"""Events of API Gateway in forms that no client library makes, straight into the handlers: never a fault of ours."""

import copy
import importlib
import itertools
import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

import pytest

from localstack.client import Client
from localstack.settings import ROOT
from localstack.stack import Stack
from tests.hostile import MOMENTS, NUMBERS, TEXTS, UIDS, Operation, operations

Event = dict[str, Any]
ODD: Final = ["\ud800", "\0", "a\0", "\ufeff", "\U0001f34e", "x" * 100_000, "\x7f\x01", "%00", *TEXTS, *UIDS]
BODIES: Final = [
    (None, False),
    ("", True),
    ("=", True),
    ("\ud800", False),
    ("\ud800", True),
    ("not base64!", True),
    ('"\\ud800"', False),
    ('{"a": "\\udfff"}', False),
    ('{"email": 1' + "0" * 5000 + "}", False),
    ('{"email": 1' + "0" * 4000 + "}", False),
    ('{"share": 1e400, "class_name": NaN}', False),
    ('{"user_data": {"user_data": {}}, "login_data": [[]]}', False),
    (json.dumps(dict.fromkeys(("class_name", "content_type", "email", "first_name"), "🍎" * 200_000)), False),
    ('{"' + "\\ud83c\\udf4e" * 300_000 + '": "\\u0000"}', False),
    ("[" * 100_000, False),
    ('{"a":' * 100_000, False),
    ("--b\r\n\r\n--b--", False),
]
TYPES: Final = [
    None,
    "",
    "application/json",
    "Multipart/Form-Data; boundary=b",
    "multipart/form-data",
    "\ud800",
    ";;=;",
]


class Context:
    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "x"


@pytest.fixture(scope="module")
def apis(deployed: Stack) -> list[Any]:
    return [importlib.import_module(f"functions.{name}.api") for name in ("auth", "predict", "archive")]


@pytest.fixture(scope="module")
def event(deployed: Stack) -> Event:
    plain: Event = json.loads((ROOT / "tests/events/PredictFunction.json").read_text())
    token = str(Client(deployed.url).join().http.headers["Authorization"])
    return plain | {"headers": {"authorization": token}, "multiValueHeaders": {"authorization": [token]}}


def variants(operation: Operation, event: Event) -> Iterator[Event]:
    path = f"/api/v1{operation.path}".replace("{uid}", str(uuid.uuid4()))
    asked = event | {"httpMethod": operation.method, "path": path, "resource": operation.path}
    for name, value in itertools.product((*operation.in_query, "x"), (*ODD, *MOMENTS, *NUMBERS)):
        query = {"queryStringParameters": {name: value}}
        for several in (None, {name: [value]}, {name: [value, value]}):
            yield asked | query | {"multiValueQueryStringParameters": several}
    for name, value in itertools.product(("Idempotency-Key", "origin", "TRACEPARENT", "Accept", "X-Session"), ODD):
        more = copy.deepcopy(asked)
        more["headers"][name] = value
        more["multiValueHeaders"][name] = [value, value]
        yield more
    yield asked | {"headers": None, "multiValueHeaders": None}
    yield asked | {"headers": {"AUTHORIZATION": event["headers"]["authorization"]}, "multiValueHeaders": {}}
    for (body, encoded), kind in itertools.product(BODIES, TYPES):
        headers = event["headers"] | ({} if kind is None else {"Content-type": kind})
        yield asked | {"headers": headers, "body": body, "isBase64Encoded": encoded}
    for value in ODD:
        yield asked | {"path": f"/api/v1{operation.path}".replace("{uid}", value)}


@pytest.mark.parametrize("operation", operations(), ids=lambda one: f"{one.method} {one.path}")
def test_no_event_is_a_fault_of_ours(apis: list[Any], event: Event, operation: Operation) -> None:
    (api,) = [one for one in apis if one.app.methods(f"/api/v1{operation.path}".replace("{uid}", "x"))]
    for one in variants(operation, event):
        answer = api.handler(one, Context())
        assert answer["statusCode"] < 500, {name: str(one[name])[:200] for name in one}
        assert len(json.dumps(answer)) < 2_000_000, "more than Lambda lets through, or near it"
