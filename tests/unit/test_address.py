"""Whose address counts when log-ins are limited."""

from types import ModuleType
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent


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


@pytest.mark.parametrize("forwarded", [None, "", ",", "203.0.113.9", " , 192.0.2.7", "203.0.113.9,,192.0.2.7"])
def test_a_list_of_addresses_without_the_callers_is_passed_over(api: ModuleType, forwarded: str | None) -> None:
    given = {"X-Origin-Key": "the key of CloudFront"} | ({} if forwarded is None else {"X-Forwarded-For": forwarded})
    assert address(api, **given) == "192.0.2.7"


def test_the_address_may_be_one_of_ipv6(api: ModuleType) -> None:
    given = {"X-Origin-Key": "the key of CloudFront", "X-Forwarded-For": "2001:db8::1, 192.0.2.7"}
    assert address(api, **given) == "2001:db8::1"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:DB8:0:0:ffff::9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("unknown", "nonsense", False),
        ("\ud800", "", False),
    ],
)
def test_a_network_that_one_household_has_counts_as_one_address(one: str, other: str, same: bool) -> None:
    from functions.auth import attempts

    assert (attempts.network(one) == attempts.network(other)) is same
