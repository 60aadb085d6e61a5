"""The session's cookie is read beside whatever other cookies a browser has."""

import string
from types import ModuleType
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiJ4In0.c2lnbmF0dXJl"
OURS = f"__Host-refresh={TOKEN}"
ODD = [
    "a/b=1",
    "a[b]=c",
    'json={"a": [1, "b"]}',
    "spaces in here=and here",
    "café=crème",
    "name",
    "=value",
    "",
    "==",
    '"',
    "a=b=c",
    "__Host-refresh",
    "__Host-refresh=",
    "__Host-refresh2=x",
    "x__Host-refresh=x",
    "__host-refresh=x",
    "$Version=1",
    "a,b=c",
    "\x00=\x01",
    "\ud800=1",
]
ANY = st.text(st.characters(codec=None, exclude_characters=";")).filter(
    lambda text: not text.startswith("__Host-refresh=")
)
COOKIES = st.lists(st.one_of(st.sampled_from(ODD), ANY), max_size=5)


def cookie(api: ModuleType, *headers: str, several: bool = True) -> Any:
    event = {"headers": {"Cookie": headers[-1]}} if headers else {"headers": {}}
    if several:
        event |= {"multiValueHeaders": {"Cookie": list(headers)}}  # type: ignore[dict-item]
    api.app.current_event = APIGatewayProxyEvent(event)
    return api._cookie()


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=COOKIES, after=COOKIES, space=st.sampled_from(["", " ", "\t"]), several=st.booleans())
@example(["a/b=1"], ['x={"a": 1}'], " ", True)
def test_is_found_beside_any_others(
    api: ModuleType, before: list[str], after: list[str], space: str, several: bool
) -> None:
    assert cookie(api, f";{space}".join([*before, OURS, *after]), several=several) == TOKEN


@pytest.mark.parametrize("quoted", [f'__Host-refresh="{TOKEN}"', f" __Host-refresh = {TOKEN} ", f"{OURS};"])
def test_may_be_in_quotes_or_spaces(api: ModuleType, quoted: str) -> None:
    assert cookie(api, quoted) == TOKEN


@pytest.mark.parametrize("headers", [(OURS, "a=b"), ("a/b=1", OURS), ("x", OURS, "y=1; z=2"), (OURS, OURS)])
def test_may_be_in_any_of_several_headers(api: ModuleType, headers: tuple[str, ...]) -> None:
    assert cookie(api, *headers) == TOKEN


@pytest.mark.parametrize("header", ["", "a=b", "__Host-refresh", "__Host-refresh=", "__host-refresh=x", f"x={OURS}"])
def test_is_not_there_without_a_value_of_its_name(api: ModuleType, header: str) -> None:
    assert not cookie(api, header)
    assert not cookie(api, header, several=False)


def test_is_not_there_without_a_header(api: ModuleType) -> None:
    assert not cookie(api)
    assert not cookie(api, several=False)


@pytest.mark.parametrize("headers", [(f"__Host-refresh=planted; {OURS}",), (OURS, "__Host-refresh=planted")])
def test_counts_for_nothing_when_there_are_two(api: ModuleType, headers: tuple[str, ...]) -> None:
    assert cookie(api, *headers) is None


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.one_of(st.sampled_from(string.punctuation), st.characters(codec=None))))
def test_no_header_is_an_error(api: ModuleType, header: str) -> None:
    cookie(api, header)
