import base64
import hashlib
import hmac
import json
import string
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from rottenbot import settings, tokens

ES256 = ECAlgorithm(ECAlgorithm.SHA256)
KEY = ec.generate_private_key(ec.SECP256R1())
NEXT_KEY = ec.generate_private_key(ec.SECP256R1())
ENCODED, ENCODED_NEXT = (tokens.encode_public_key(key.public_key()) for key in (KEY, NEXT_KEY))
KEY_ID = hashlib.sha256(ENCODED.encode()).hexdigest()[:16]
PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SOMEBODY = tokens.Token(uuid.uuid4(), "the-id", "the-family")


@pytest.fixture(autouse=True)
def key_pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TOKEN_PUBLIC_KEYS", f"{ENCODED} {ENCODED_NEXT}")
    settings.tokens.cache_clear()
    yield
    settings.tokens.cache_clear()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    valid = {
        "iss": "rottenbot",
        "aud": "rottenbot-api",
        "iat": now,
        "exp": now + 60,
        "jti": "the-id",
        "family": "the-family",
        "refresh": False,
        "user": {"user_uid": str(SOMEBODY.user_uid)},
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


def signed(header: str = "at+jwt", **changes: Any) -> str:
    return jwt.encode(claims(**changes), KEY, "ES256", headers={"typ": header, "kid": KEY_ID})


def unsigned() -> str:
    parts = ({"alg": "none", "typ": "at+jwt", "kid": KEY_ID}, claims())
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."


def signed_with_the_public_key() -> str:
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "at+jwt", "kid": KEY_ID}, claims())
    )
    mac = hmac.new(PUBLIC_PEM, head + b"." + body, hashlib.sha256).digest()
    return b".".join((head, body, base64.urlsafe_b64encode(mac).rstrip(b"="))).decode()


@pytest.mark.parametrize("kind", ["access", "refresh"])
@pytest.mark.parametrize("key", [KEY, NEXT_KEY], ids=["first key", "second key"])
def test_what_is_signed_can_be_verified(kind: tokens.Kind, key: ec.EllipticCurvePrivateKey) -> None:
    assert tokens.verify(kind, tokens.sign(kind, SOMEBODY, key)) == SOMEBODY


def test_what_is_signed_with_another_key_cannot_be_verified() -> None:
    with pytest.raises(tokens.InvalidTokenError):
        tokens.verify("access", tokens.sign("access", SOMEBODY, ec.generate_private_key(ec.SECP256R1())))


def test_keeps_the_claims_that_older_clients_read() -> None:
    encoded = tokens.sign("access", SOMEBODY, KEY)
    payload = jwt.decode(encoded, options={"verify_signature": False})
    assert payload["user"]["user_uid"] == str(SOMEBODY.user_uid)
    assert payload["jti"]
    assert payload["refresh"] is False


REFUSED = {
    "nothing": "",
    "garbage": "garbage",
    "three parts of garbage": "a.b.c",
    "not ascii": "é.é.é",
    "alg none": unsigned(),
    "HS256 with the public key": signed_with_the_public_key(),
    "another key": jwt.encode(claims(), NEXT_KEY, "ES256", headers={"typ": "at+jwt", "kid": KEY_ID}),
    "a key that is not known": jwt.encode(claims(), KEY, "ES256", headers={"typ": "at+jwt", "kid": "somebody's"}),
    "no key named": jwt.encode(claims(), KEY, "ES256", headers={"typ": "at+jwt"}),
    "expired": signed(exp=int(time.time()) - 1),
    "not yet issued": signed(iat=int(time.time()) + 3600),
    "issued in a minute": signed(iat=int(time.time()) + 60),
    "issued at no time": signed(iat=float("nan")),
    "issued at a time in words": signed(iat="now"),
    "not valid yet": signed(nbf=int(time.time()) + 60),
    "expiring at no time": signed(exp=float("nan")),
    "a log-in that is a list": signed(family=["the-family"]),
    "a log-in of half a character": signed(family="\ud800"),
    "a role that is a list": signed(user={"user_uid": str(SOMEBODY.user_uid), "role": ["admin"]}),
    "a log-in of 100,000 levels": f"{signed().split('.')[0]}.{base64.urlsafe_b64encode(b'[' * 100_002).decode()}.AAAA",
    "a header of 100,000 levels": f"{base64.urlsafe_b64encode(b'[' * 100_002).decode()}.e30.AAAA",
    "100 KB": "a" * 100_000,
    "100 KB of dots": "." * 100_000,
    "another issuer": signed(iss="somebody"),
    "another audience": signed(aud="something"),
    "no expiry": signed(exp=None),
    "no family": signed(family=None),
    "no user": signed(user=None),
    "a user that is no id": signed(user={"user_uid": "1; DROP TABLE"}),
    "a user that is a list": signed(user=[]),
    "a refresh token": signed("rt+jwt", refresh=True),
    "a refresh token in an access token's header": signed(refresh=True),
    "an access token in a refresh token's header": signed("rt+jwt"),
    "a plain JWT": signed("JWT"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    with pytest.raises(tokens.InvalidTokenError):
        tokens.verify("access", REFUSED[name])


def test_an_access_token_is_no_refresh_token() -> None:
    with pytest.raises(tokens.InvalidTokenError):
        tokens.verify("refresh", signed())


@pytest.mark.parametrize("ahead", [0, 1, 2, 4])
def test_the_clock_of_the_machine_that_signed_may_be_a_little_ahead(ahead: int) -> None:
    assert tokens.verify("access", signed(iat=int(time.time()) + ahead)) == SOMEBODY


def test_no_clock_lets_a_token_live_longer() -> None:
    now = int(time.time())
    with pytest.raises(tokens.InvalidTokenError):
        tokens.verify("access", signed(iat=now - 60, exp=now))


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(min_value=-(10**4000), max_value=10**4000),
        st.floats(),
        st.text(st.characters(codec=None)),
        st.sampled_from(["access", "admin", "ES256", "none", "at+jwt", "b64", str(SOMEBODY.user_uid), KEY_ID]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=8,
)
USERS = st.fixed_dictionaries({"user_uid": JSON}, optional={"role": JSON})
HOSTILE = st.dictionaries(st.sampled_from([*tokens.CLAIMS, "nbf", "sub"]), st.one_of(JSON, USERS), max_size=4)
HEADERS = st.dictionaries(st.sampled_from(["alg", "typ", "kid", "b64", "crit", "cty", "jku", "jwk", "x5u"]), JSON)


def token_of(header: object, payload: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signature = ES256.sign(b".".join(parts), KEY)
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def is_refused_or_whole(encoded: str) -> None:
    try:
        token = tokens.verify("access", encoded)
    except tokens.InvalidTokenError:
        return
    assert token == tokens.Token(uuid.UUID(str(token.user_uid)), str(token.jti), str(token.family), str(token.role))
    (token.jti + token.family + token.role).encode()


FIXTURE_SERVES_ALL = [HealthCheck.function_scoped_fixture]


@tries(max_examples=1000, deadline=None, suppress_health_check=FIXTURE_SERVES_ALL)
@given(HOSTILE)
def test_a_signed_token_of_any_claims_is_refused_or_whole(changes: dict[str, Any]) -> None:
    is_refused_or_whole(token_of({"alg": "ES256", "typ": "at+jwt", "kid": KEY_ID}, {**claims(), **changes}))


@tries(max_examples=1000, deadline=None, suppress_health_check=FIXTURE_SERVES_ALL)
@given(st.one_of(JSON, HEADERS, HEADERS.map({"alg": "ES256", "typ": "at+jwt", "kid": KEY_ID}.__or__)), JSON)
def test_a_token_of_any_header_and_content_is_refused_or_whole(header: object, payload: object) -> None:
    is_refused_or_whole(token_of(header, payload))
    is_refused_or_whole(token_of(header, claims()))


@tries(max_examples=1000, deadline=None, suppress_health_check=FIXTURE_SERVES_ALL)
@given(st.one_of(st.text(st.characters(codec=None)), st.lists(st.text(string.ascii_letters), max_size=5).map(".".join)))
def test_a_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(tokens.InvalidTokenError):
        tokens.verify("access", text)
