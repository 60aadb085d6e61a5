"""Accounts against the real stores: who gets in with what they typed, and who waits."""
# ruff: noqa: RUF001

import json
import secrets
import time
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import argon2
import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from localstack.settings import ROOT
from localstack.stack import Stack

pytestmark = pytest.mark.usefixtures("deployed")

COMPOSED = "pässwörd für Ångström"
APART = unicodedata.normalize("NFD", COMPOSED)


@pytest.fixture
def domain() -> str:
    """A domain that no other test has accounts at."""
    return f"{uuid.uuid4().hex}.example"


@pytest.fixture
def store(stack: Stack) -> Iterator[redis.Redis]:
    with redis.Redis(port=stack.settings.rottenbot_redis_port, decode_responses=True) as store:
        yield store


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> float:
    """Turns a fifth of a second apart."""
    from rottenbot import settings

    limits = settings.Attempts.model_construct(attempts_turn_seconds=0.2, attempts_per_address=100_000)
    monkeypatch.setattr(settings, "attempts", lambda: limits)
    return limits.attempts_turn_seconds


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords hashed with little work, for thousands of tries."""
    from functions.auth import service

    monkeypatch.setattr(service, "MEMORY_KIB", 8)
    monkeypatch.setattr(service, "ITERATIONS", 1)
    service._passwords.cache_clear()


@pytest.fixture(autouse=True)
def as_strong_as_ever() -> Iterator[None]:
    yield
    from functions.auth import service

    service._passwords.cache_clear()


def some_address() -> str:
    return str(uuid.uuid4())


def sign_up(email: str, password: str = COMPOSED) -> Any:
    from functions.auth import service
    from functions.auth.models import SignUp

    request = SignUp(first_name="A", last_name="B", email=email, password=password)
    return service.sign_up(request, some_address())


def log_in(email: str, password: str = COMPOSED, address: str | None = None) -> Any:
    from functions.auth import service
    from functions.auth.models import LogIn

    return service.log_in(LogIn(email=email, password=password), address or some_address()).user


def outcome(email: str, password: str, address: str) -> int:
    """0: logged in; -1: wrong; else the seconds to wait."""
    from functions.auth import service

    try:
        log_in(email, password, address)
    except service.InvalidCredentialsError:
        return -1
    except service.TooManyAttemptsError as error:
        return error.retry_after
    return 0


@pytest.mark.parametrize(
    ("signed_up", "typed"),
    [
        ("x@xn--bcher-kva.{}", "x@bücher.{}"),
        ("x@bücher.{}", "X@XN--BCHER-KVA.{}"),
        ("x@xn--bcher-kva.{}", "x@xn--bcher-kva.{}"),
        ("x@bu\u0308cher.{}", "x@BÜCHER.{}"),
        ("jose\u0301@{}", "josé@{}"),
        ("josé@{}", "JOSE\u0301@{}"),
        ("ａｄａ@{}", "ada@{}"),
        ("ada@{}", "ＡＤＡ＠{}"),
        ("Ada <ada@{}>", "ada@{}"),
        ("ada@{}", " Ada Lovelace <ADA@{}> "),
        ("ada@{}", "\tada@{}.\n"),
        ("νίκος@{}", "ΝΊΚΟΣ@{}"),
    ],
)
def test_who_signs_up_with_one_spelling_logs_in_with_another(signed_up: str, typed: str, domain: str) -> None:
    from functions.auth import store

    user = sign_up(signed_up.format(domain))
    assert log_in(typed.format(domain)) == user
    with pytest.raises(store.EmailTakenError):
        sign_up(typed.format(domain))


def test_an_admin_is_named_in_any_spelling(stack: Stack, domain: str) -> None:
    user = sign_up(f"x@xn--bcher-kva.{domain}")
    stack.invoke("MigrateFunction", {"MakeAdmin": f"X@BÜCHER.{domain}"})
    assert log_in(user.email).role == "admin"
    stack.invoke("MigrateFunction", {"MakeUser": f"x@XN--bcher-kva.{domain}"})
    assert log_in(user.email).role == "user"


OLD_ROWS = [
    "ada@{}",
    "x@bücher.{}",
    "josé@{}",
    "ａｄａ@{}",
    "ada+ｔag@{}",
    "νικοσ@{}",
    "a…b@{}",
    "straße@{}",
    "名字@{}",
]


def insert(email: str, at: str) -> uuid.UUID:
    from functions.auth import service, store
    from rottenbot import database

    uid = uuid.uuid4()
    store.add_user(uid, email, "A", "B", service._passwords().hasher.hash(COMPOSED))
    database.query("UPDATE user_accounts SET created_at = CAST(:at AS timestamptz) WHERE uid = :uid", at=at, uid=uid)
    return uid


def email_of(uid: uuid.UUID) -> str:
    from functions.auth import store

    user = store.find_user(uid)
    assert user
    return user.email


def migrate_again(stack: Stack) -> None:
    from rottenbot import database

    database.query("UPDATE alembic_version SET version_num = '0005'")
    assert stack.invoke("MigrateFunction", {}) == {"Revision": "0006"}


def test_accounts_from_before_are_found_after_the_migration(stack: Stack, domain: str) -> None:
    from functions.auth.emails import lookup_key

    made = {email: insert(email.format(domain), "2024-01-01T00:00:00Z") for email in OLD_ROWS if email != "ａｄａ@{}"}
    for _ in range(2):
        migrate_again(stack)
        for email, uid in made.items():
            assert email_of(uid) == lookup_key(email.format(domain))
            assert log_in(email.format(domain)).uid == uid
            assert log_in(email.format(domain).upper().replace("STRASSE", "STRAßE")).uid == uid


@pytest.mark.parametrize(
    ("older", "younger", "kept"),
    [("ada@{}", "ａda@{}", "ada@{}"), ("ａda@{}", "aｄa@{}", "ada@{}"), ("ａda@{}", "ada@{}", "ａda@{}")],
)
def test_of_two_accounts_with_one_email_neither_is_lost(
    stack: Stack, domain: str, older: str, younger: str, kept: str
) -> None:
    first = insert(older.format(domain), "2024-01-01T00:00:00Z")
    second = insert(younger.format(domain), "2024-01-02T00:00:00Z")
    for _ in range(2):
        migrate_again(stack)
        assert email_of(first) == kept.format(domain)
        assert email_of(second) == younger.format(domain)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were verified."""
    passwords: list[str] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, password_hash: str, given: str) -> bool:
        passwords.append(given)
        return bool(verify(self, password_hash, given))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    return passwords


@pytest.mark.parametrize(("chosen", "typed"), [(COMPOSED, APART), (APART, COMPOSED), (APART, APART)])
def test_a_password_is_the_same_with_its_marks_apart(domain: str, chosen: str, typed: str) -> None:
    user = sign_up(f"ada@{domain}", chosen)
    assert log_in(user.email, typed) == user


def test_a_password_that_was_hashed_as_typed_counts_and_is_hashed_anew(domain: str, verified: list[str]) -> None:
    from functions.auth import service, store

    user = sign_up(f"ada@{domain}")
    store.set_password_hash(user.uid, service._passwords().hasher.hash(APART))
    assert outcome(user.email, COMPOSED, some_address()) == -1
    verified.clear()
    assert log_in(user.email, APART).uid == user.uid
    assert verified == [COMPOSED, APART]
    verified.clear()
    assert log_in(user.email, APART).uid == user.uid
    assert log_in(user.email, COMPOSED).uid == user.uid
    assert verified == [COMPOSED, COMPOSED]


@pytest.mark.parametrize("password", ["wrong password", "wröng password", unicodedata.normalize("NFD", "wröng")])
def test_whether_an_account_exists_does_not_change_the_work(domain: str, verified: list[str], password: str) -> None:
    user = sign_up(f"ada@{domain}")
    assert outcome(user.email, password, some_address()) == -1
    for_an_account = verified.copy()
    for nobody in (f"nobody@{domain}", "no address", "\ud800", "\x00", "x" * 10_000):
        verified.clear()
        assert outcome(nobody, password, some_address()) == -1
        assert verified == for_an_account


@pytest.mark.parametrize("password", ["\ud800" * 9, "\x00" * 9, "a" * 7, "a\u0301" * 7, "ä" * 129, "a" * 100_000])
def test_a_password_that_cannot_be_one_is_refused(domain: str, password: str) -> None:
    with pytest.raises(ValueError, match="password"):
        sign_up(f"ada@{domain}", password)


def test_the_length_of_a_password_is_counted_in_composed_characters(domain: str) -> None:
    longest = "ä" * 128
    user = sign_up(f"ada@{domain}", unicodedata.normalize("NFD", longest))
    assert log_in(user.email, longest) == user
    assert log_in(user.email, unicodedata.normalize("NFD", longest)) == user


@pytest.mark.parametrize("password", ["PASSWORD123", "ｐassword123", "Ｐａｓｓｗｏｒｄ１２３"])
def test_a_common_password_is_one_in_any_spelling(domain: str, password: str) -> None:
    from functions.auth import service

    with pytest.raises(service.WeakPasswordError):
        sign_up(f"ada@{domain}", password)


@pytest.fixture
def call(stack: Stack) -> Callable[[str, dict[str, Any]], int]:
    """Calls the handler as API Gateway does; the status that it answers with."""
    from functions.auth import api

    event = json.loads((ROOT / "tests/events/AuthFunction.json").read_text())
    context = SimpleNamespace(
        function_name="auth", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="1", function_version="1"
    )

    def call(path: str, body: dict[str, Any], **headers: str) -> int:
        asked = {"resource": f"/api/v1/auth/{path}", "path": f"/api/v1/auth/{path}", "httpMethod": "POST"}
        source = {**event["requestContext"], "identity": {"sourceIp": some_address()}}
        given = {"Content-Type": "application/json", **headers}
        several = {name: [value] for name, value in given.items()}
        sent = {**event, **asked, "requestContext": source, "headers": given, "multiValueHeaders": several}
        answer = api.handler({**sent, "body": json.dumps(body)}, context)  # type: ignore[arg-type]
        json.dumps(answer).encode()
        return int(answer["statusCode"])

    return call


TEXT = st.one_of(
    st.text(st.characters(codec=None), max_size=300),
    st.sampled_from(["\x00", "\ud800", "a\ud800" * 5, "\u202e", "x@example.com\x00", "ﷺ" * 100, "a\u0301" * 2000]),
    st.integers(min_value=0, max_value=3000).map(lambda length: "é" * length),
)
VALUE = st.one_of(TEXT, TEXT, TEXT, st.none(), st.integers(), st.floats(), st.lists(TEXT, max_size=2), st.booleans())
FIELDS = ("first_name", "last_name", "email", "password")
MANY = tries(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.usefixtures("cheap")
@MANY
@given(changes=st.dictionaries(st.sampled_from(FIELDS), VALUE, min_size=1))
def test_no_value_breaks_a_sign_up(call: Callable[..., int], changes: dict[str, Any]) -> None:
    person = {"first_name": "A", "last_name": "B", "email": f"{uuid.uuid4()}@example.com", "password": COMPOSED}
    assert call("signup", {**person, **changes}) in {201, 403, 422}


@pytest.mark.usefixtures("cheap")
@MANY
@given(email=TEXT, password=st.text(st.characters(codec=None), max_size=200))
def test_no_text_breaks_a_log_in(call: Callable[..., int], email: str, password: str) -> None:
    whole = all(character != "\x00" and not "\ud800" <= character <= "\udfff" for character in email + password)
    assert call("login", {"email": email, "password": password}) in ({401, 429} if whole else {422})


@pytest.mark.parametrize("name", ["a\x00b", "a\ud800b", "", " ", "x" * 101])
@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_a_name_that_cannot_be_kept_is_refused(call: Callable[..., int], field: str, name: str) -> None:
    person = {"first_name": "A", "last_name": "B", "email": f"{uuid.uuid4()}@example.com", "password": COMPOSED}
    assert call("signup", {**person, field: name}) == 422


@MANY
@given(st.one_of(TEXT, TEXT.map("Bearer {}".format), TEXT.map("bearer   {} ".format)))
def test_no_authorization_header_breaks_a_call(call: Callable[..., int], header: str) -> None:
    assert call("logout", {}, Authorization=header) == 401
    assert call("refresh_token", {}, **{"Authorization": header, "X-Session": "cookie", "Cookie": header}) == 401


def test_another_who_tries_an_account_keeps_its_owner_out_nowhere(domain: str) -> None:
    user = sign_up(f"ada@{domain}")
    home, elsewhere, attacker = some_address(), some_address(), some_address()
    assert log_in(user.email, address=home) == user
    assert [outcome(user.email, "guess", attacker) for _ in range(10)] == [-1] * 10
    assert outcome(user.email, COMPOSED, attacker) > 0
    assert log_in(user.email, address=home) == user
    assert log_in(user.email, address=elsewhere) == user


@pytest.mark.usefixtures("cheap")
def test_the_owner_gets_in_while_fifty_addresses_try_the_account(domain: str, quick: float) -> None:
    user = sign_up(f"ada@{domain}")
    home, elsewhere = some_address(), some_address()
    assert log_in(user.email, address=home) == user
    attackers = [some_address() for _ in range(50)]
    began, outcomes, turn, waits = time.monotonic(), list[int](), 0.0, 1
    while waits and time.monotonic() - began < 60:
        outcomes += [outcome(user.email, "guess", attacker) for attacker in attackers]
        assert outcome(user.email, COMPOSED, home) == 0
        if time.monotonic() >= turn:
            waits = outcome(user.email, COMPOSED, elsewhere)
            turn = time.monotonic() + waits
    took = time.monotonic() - began
    assert waits == 0
    assert len(outcomes) >= 2_000
    assert took <= (len(attackers) + 1) * quick + 3
    assert outcomes.count(-1) <= 10 + took / quick + 1


@pytest.mark.usefixtures("quick", "cheap")
def test_the_wait_grows_with_the_addresses_that_wait(domain: str) -> None:
    waits = [outcome(f"ada@{domain}", "guess", some_address()) for _ in range(111)]
    assert waits[:11] == [-1] * 11
    assert waits == sorted(waits)
    assert 15 <= waits[-1] <= 20


@pytest.mark.usefixtures("quick", "cheap")
def test_asking_early_neither_gains_nor_loses_a_turn(domain: str) -> None:
    for _ in range(13):
        outcome(f"ada@{domain}", "guess", some_address())
    patient = some_address()
    assert outcome(f"ada@{domain}", "guess", patient) > 0
    for _ in range(5):
        assert outcome(f"ada@{domain}", "guess", patient) == 1
    time.sleep(1)
    assert outcome(f"ada@{domain}", "guess", patient) == -1


@pytest.mark.usefixtures("cheap")
def test_addresses_of_one_ipv6_network_are_one(domain: str) -> None:
    network = f"2001:db8:{secrets.randbelow(0xFFFF):x}:{secrets.randbelow(0xFFFF):x}"
    outcomes = [outcome(f"ada@{domain}", "guess", f"{network}::{host:x}") for host in range(1, 13)]
    assert outcomes[:10] == [-1] * 10
    assert min(outcomes[10:]) > 0


def test_an_account_that_is_removed_leaves_no_address_behind(domain: str, store: redis.Redis) -> None:
    from functions.auth import service
    from rottenbot import tokens

    user = sign_up(f"ada@{domain}")
    before = set(store.scan_iter("attempts:known:*"))
    log_in(user.email)
    assert len(set(store.scan_iter("attempts:known:*")) - before) == 1
    service.forget(tokens.Token(user.uid, "x", "x"))
    assert set(store.scan_iter("attempts:known:*")) == before


def test_a_counter_ends_whatever_became_of_it(store: redis.Redis) -> None:
    from functions.auth import attempts

    who = some_address()
    key = attempts._key("address", who)
    for immortal in (-1, -7, 3):
        store.set(key, immortal)
        assert attempts.count("address", who) == (immortal + 1, 900)
        assert 0 < store.ttl(key) <= 900


def test_an_attempt_is_given_back_only_to_a_counter_that_has_it(store: redis.Redis) -> None:
    from functions.auth import attempts

    account, address = f"{uuid.uuid4()}@example.com", some_address()
    attempts.forgive(account, address)
    for key in (attempts._key("account", account), attempts._key("address", address)):
        assert store.exists(key) == 0
    attempts.count("address", address)
    attempts.forgive(account, address)
    attempts.forgive(account, address)
    assert store.get(attempts._key("address", address)) == "0"
    assert attempts.count("address", address)[0] == 1


@pytest.mark.usefixtures("quick", "cheap")
def test_every_key_of_an_attempt_ends_by_itself(domain: str, store: redis.Redis) -> None:
    user = sign_up(f"ada@{domain}")
    log_in(user.email)
    for _ in range(15):
        outcome(user.email, "guess", some_address())
    keys = list(store.scan_iter("attempts:*"))
    assert {key.split(":")[1] for key in keys} == {"account", "pair", "address", "turns", "known"}
    assert all(store.ttl(key) > 0 for key in keys)
