"""Whose address counts when log-ins are limited."""

import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent

from rottenbot import settings

SETTINGS = {
    "TOKEN_PUBLIC_KEYS": "x",
    "TOKEN_SIGNING_KEY_SECRET": "x",
    "DATABASE_HOST": "x",
    "DATABASE_SECRET": "x",
    "REDIS_URL": "redis://x",
    "EVENTS_BUCKET": "x",
    "ORIGIN_KEY": "the key of CloudFront",
}
GROUPS = (settings.tokens, settings.signing, settings.origin, settings.database, settings.redis, settings.events)


@pytest.fixture
def api() -> Iterator[ModuleType]:
    before = dict(os.environ)
    os.environ.update(SETTINGS)
    for group in GROUPS:
        group.cache_clear()
    from functions.auth import api

    yield api
    os.environ.clear()
    os.environ.update(before)
    for group in GROUPS:
        group.cache_clear()


def address(api: ModuleType, **headers: str) -> Any:
    request = {"headers": headers, "requestContext": {"identity": {"sourceIp": "192.0.2.7"}}}
    api.app.current_event = APIGatewayProxyEvent(request)
    return api._address()


def test_cloudfront_says_who_called_it(api: ModuleType) -> None:
    given = {"X-Origin-Key": "the key of CloudFront", "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 192.0.2.7"}
    assert address(api, **given) == "203.0.113.9"  # the first is what the caller says of himself


@pytest.mark.parametrize("key", ["", "another", "the key of CloudFrönt"])
def test_nobody_else_can_choose_an_address(api: ModuleType, key: str) -> None:
    assert address(api, **{"X-Origin-Key": key, "X-Forwarded-For": "203.0.113.9, 192.0.2.7"}) == "192.0.2.7"


def test_without_cloudfront_it_is_the_address_of_the_connection(api: ModuleType) -> None:
    assert address(api) == "192.0.2.7"
