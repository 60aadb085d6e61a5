import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rottenbot import settings, tokens

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
