"""Accounts and log-ins, over HTTP through the gateway."""

import uuid
from typing import Any

import pytest
import requests

from localstack.client import Client
from localstack.stack import Stack
from tests.answers import bearer, detail

PERSON = {"first_name": "Grace", "last_name": "Hopper"}


@pytest.fixture
def api(stack: Stack) -> str:
    return f"{stack.url}/api/v1/auth"


def fresh_login() -> dict[str, str]:
    return {"email": f"{uuid.uuid4().hex}@example.com", "password": "a password nobody has"}


def test_sign_up_answers_with_the_user_and_nothing_secret(api: str) -> None:
    login = fresh_login()
    answer = requests.post(f"{api}/signup", json={**PERSON, **login})
    assert answer.status_code == 201
    assert set(answer.json()) == {"message", "user"}
    user = answer.json()["user"]
    assert set(user) == {"uid", "email", "first_name", "last_name", "role", "created_at", "updated_at"}
    assert user["email"] == login["email"]
    assert user["role"] == "user"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("enveloped", [True, False])
def test_takes_requests_with_and_without_the_envelope(api: str, enveloped: bool) -> None:
    login = fresh_login()
    person = {**PERSON, **login}
    assert requests.post(f"{api}/signup", json={"user_data": person} if enveloped else person).status_code == 201
    answer = requests.post(f"{api}/login", json={"login_data": login} if enveloped else login)
    assert answer.status_code == 200
    assert set(answer.json()) == {"message", "access_token", "refresh_token", "user"}


def test_an_email_is_taken_in_any_spelling(api: str) -> None:
    login = fresh_login()
    requests.post(f"{api}/signup", json={**PERSON, **login})
    again = requests.post(f"{api}/signup", json={**PERSON, **login, "email": login["email"].upper()})
    assert detail(again, 403) == "User with email already exists."


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_logging_out_ends_every_token_at_once(stack: Stack, api: str, client: Client, method: str) -> None:
    assert requests.request(method, f"{api}/logout", headers=dict(client.http.headers)).json() == {
        "message": "Logged Out Successfully"
    }
    detail(client.http.get(f"{api}/me"), 401)
    detail(client.http.get(f"{stack.url}/api/v1/inference/predictions"), 401)
    detail(client.http.post(f"{stack.url}/api/v1/inference/uploads", json={"content_type": "image/jpeg"}), 401)
    detail(requests.get(f"{api}/refresh_token", headers=bearer(client.refresh_token)), 401)


def test_logging_out_leaves_other_log_ins_alone(api: str, client: Client) -> None:
    other = requests.post(f"{api}/login", json=client.login).json()
    client.http.get(f"{api}/logout")
    assert requests.get(f"{api}/me", headers=bearer(other["access_token"])).json() == client.user


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refresh_token_brings_a_new_pair(api: str, client: Client, method: str) -> None:
    answer = requests.request(method, f"{api}/refresh_token", headers=bearer(client.refresh_token))
    assert set(answer.json()) == {"access_token", "refresh_token"}
    assert requests.get(f"{api}/me", headers=bearer(answer.json()["access_token"])).json() == client.user
    assert answer.json()["refresh_token"] != client.refresh_token


def test_a_repeated_refresh_within_the_grace_time_continues_the_log_in(api: str, client: Client) -> None:
    first = requests.get(f"{api}/refresh_token", headers=bearer(client.refresh_token)).json()
    second = requests.get(f"{api}/refresh_token", headers=bearer(client.refresh_token)).json()
    for pair in (first, second):
        assert requests.get(f"{api}/me", headers=bearer(pair["access_token"])).status_code == 200
    assert requests.get(f"{api}/refresh_token", headers=bearer(second["refresh_token"])).status_code == 200


def test_an_older_refresh_token_ends_the_log_in(api: str, client: Client) -> None:
    tokens = [client.refresh_token]
    for _ in range(2):
        tokens.append(requests.get(f"{api}/refresh_token", headers=bearer(tokens[-1])).json()["refresh_token"])
    detail(requests.get(f"{api}/refresh_token", headers=bearer(tokens[0])), 401)
    detail(requests.get(f"{api}/refresh_token", headers=bearer(tokens[-1])), 401)
    detail(client.http.get(f"{api}/me"), 401)


def test_access_and_refresh_tokens_do_not_stand_in_for_each_other(api: str, client: Client) -> None:
    detail(requests.get(f"{api}/me", headers=bearer(client.refresh_token)), 401)
    detail(client.http.get(f"{api}/refresh_token"), 401)


def test_wrong_password_and_unknown_email_get_the_same_answer(api: str, client: Client) -> None:
    wrong = requests.post(f"{api}/login", json={**client.login, "password": "not the one"})
    unknown = requests.post(f"{api}/login", json=fresh_login())
    assert detail(wrong, 401) == detail(unknown, 401) == "Invalid email or password"


def test_an_account_under_attack_is_closed_for_a_while(api: str, client: Client) -> None:
    wrong = {**client.login, "password": "guess"}
    statuses = [requests.post(f"{api}/login", json=wrong).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    right = requests.post(f"{api}/login", json=client.login)
    assert "Too many attempts" in detail(right, 429)
    assert 0 < int(right.headers["Retry-After"]) <= 900


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"first_name": "x" * 10_000}, "first_name"),
        ({"first_name": ""}, "first_name"),
        ({"last_name": "a\r\nSet-Cookie: x=1"}, "last_name"),
        ({"last_name": "a\x00b"}, "last_name"),
        ({"last_name": None}, "last_name"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, "email"),
        ({"email": ["a@example.com"]}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"password": 12345678}, "password"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_not_repeated(api: str, change: dict[str, Any], named: str) -> None:
    answer = requests.post(f"{api}/signup", json={**PERSON, **fresh_login(), **change})
    assert named in detail(answer, 422)
    assert "Set-Cookie" not in answer.text
    assert "xxxx" not in answer.text


def test_a_common_password_is_refused(api: str) -> None:
    answer = requests.post(f"{api}/signup", json={**PERSON, **fresh_login(), "password": "Password123"})
    assert "too common" in detail(answer, 422)


@pytest.mark.parametrize("body", ["[]", '[{"email": "a@example.com", "password": "b"}]', " [1]"])
def test_an_array_is_no_object(api: str, body: str) -> None:
    for path in ("signup", "login"):
        answer = requests.post(f"{api}/{path}", data=body, headers={"Content-Type": "application/json"})
        assert "object" in detail(answer, 400)


@pytest.mark.parametrize("body", ["", "{", "null", "1", '"text"', "{}", '{"user_data": []}', '{"user_data": null}'])
def test_a_body_that_is_no_request_is_refused(api: str, body: str) -> None:
    detail(requests.post(f"{api}/signup", data=body, headers={"Content-Type": "application/json"}), 422)


def test_another_content_type_is_refused(api: str) -> None:
    detail(requests.post(f"{api}/signup", data="<a/>", headers={"Content-Type": "application/xml"}), 415)


INJECTIONS = ["'; DROP TABLE user_accounts; --", '" OR 1=1 --', "${jndi:ldap://x}", "%00", "{{7*7}}", "\u202e", "名前"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_name_is_only_ever_a_name(api: str, text: str) -> None:
    login = fresh_login()
    answer = requests.post(f"{api}/signup", json={"first_name": text, "last_name": text, **login})
    assert answer.json()["user"]["first_name"] == text
    detail(requests.post(f"{api}/login", json={**login, "password": text}), 401)
    assert requests.post(f"{api}/login", json=login).json()["user"]["last_name"] == text


@pytest.mark.parametrize("text", ["' OR 1=1 --", "a'; DROP TABLE user_accounts; --", "%", "*"])
def test_an_email_in_a_log_in_is_only_ever_compared(api: str, text: str) -> None:
    assert detail(requests.post(f"{api}/login", json={"email": text, "password": text}), 401)


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer garbage", "Bearer a.b.c", "token"])
def test_anything_but_a_good_token_is_refused(api: str, value: str) -> None:
    answer = requests.get(f"{api}/me", headers={"Authorization": value})
    detail(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_an_unknown_address_is_a_problem_too(stack: Stack) -> None:
    detail(requests.get(f"{stack.url}/api/v1/nothing"), 404)
    detail(requests.patch(f"{stack.url}/api/v1/auth/me"), 404)


PAGE = {"X-Session": "cookie"}


def test_a_page_gets_the_refresh_token_where_no_script_can_read_it(api: str, client: Client) -> None:
    answer = requests.post(f"{api}/login", json=client.login, headers=PAGE)
    assert answer.json()["refresh_token"] == ""
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-refresh=ey")
    assert {"Path=/", "HttpOnly", "Secure", "SameSite=Strict", f"Max-Age={7 * 86_400}"} <= set(cookie.split("; "))

    kept = {"Cookie": cookie.split(";")[0]}
    refreshed = requests.post(f"{api}/refresh_token", headers={**PAGE, **kept})
    assert refreshed.json()["refresh_token"] == ""
    assert requests.get(f"{api}/me", headers=bearer(refreshed.json()["access_token"])).ok
    renewed = refreshed.headers["Set-Cookie"].split(";")[0]
    assert renewed != kept["Cookie"]

    access = bearer(refreshed.json()["access_token"])
    left = requests.post(f"{api}/logout", headers={**PAGE, **access, "Cookie": renewed})
    assert left.headers["Set-Cookie"].startswith("__Host-refresh=; Path=/; Max-Age=0")
    detail(requests.post(f"{api}/refresh_token", headers={**PAGE, "Cookie": renewed}), 401)


def test_a_cookie_counts_for_nothing_without_the_header_that_only_the_page_can_send(api: str, client: Client) -> None:
    answer = requests.post(f"{api}/login", json=client.login, headers=PAGE)
    kept = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
    detail(requests.post(f"{api}/refresh_token", headers=kept), 401)
    detail(requests.get(f"{api}/me", headers={**PAGE, **kept}), 401)
    assert "Set-Cookie" not in requests.post(f"{api}/login", json=client.login).headers


@pytest.mark.parametrize(
    "other", ["a/b=1", "a[b]=c", 'x={"a": [1, "b"]}', "two words=x y", "café=crème", "nothing", "="]
)
def test_a_page_stays_logged_in_beside_any_other_cookie(api: str, client: Client, other: str) -> None:
    kept = requests.post(f"{api}/login", json=client.login, headers=PAGE).headers["Set-Cookie"].split(";")[0]
    cookies = f"{other}; {kept}; {other}".encode()
    assert requests.post(f"{api}/refresh_token", headers={**PAGE, "Cookie": cookies}).status_code == 200
