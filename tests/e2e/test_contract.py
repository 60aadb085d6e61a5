"""What the OpenAPI document promises is what the API answers, to generated requests: right ones and wrong ones."""

import json
from typing import Any

import pytest
import redis
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from localstack.client import Client
from localstack.settings import ROOT
from localstack.stack import Stack
from tests.conftest import PHOTOS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 10
schema = schemathesis.openapi.from_dict(json.loads((ROOT / "functions" / "predict" / "openapi.json").read_text()))
schema.config.seed = 20260101
schema.config.generation.modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
schema.config.phases.coverage.unexpected_methods = set()
bounded = settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def somebody(client: Client) -> Client:
    client.wait_for(client.predict(PHOTOS / "Banana__Healthy.jpg", save=True)["prediction_uid"])
    return client


@schema.parametrize()
@bounded
def test_a_stranger_gets_what_is_documented(case: "Case[Any]", stack: Stack) -> None:
    _forget_attempts(stack)
    case.call_and_validate(stack.url, checks=CHECKS)


@schema.parametrize()
@bounded
def test_a_user_gets_what_is_documented(case: "Case[Any]", stack: Stack, somebody: Client) -> None:
    _forget_attempts(stack)
    token = {"Authorization": str(somebody.http.headers["Authorization"])}
    case.call_and_validate(stack.url, headers=token, checks=CHECKS)


def _forget_attempts(stack: Stack) -> None:
    with redis.Redis(port=stack.settings.rottenbot_redis_port) as store:
        store.delete(*(store.keys("attempts:address:*") or ["none"]))
