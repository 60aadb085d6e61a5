import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from functions.auth import keys
from rottenbot import settings, tokens

SOMEBODY = tokens.Token(uuid.uuid4(), "the-id", "the-family")


@pytest.fixture(autouse=True)
def settings_of_this_test() -> Iterator[None]:
    settings.tokens.cache_clear()
    yield
    settings.tokens.cache_clear()


def signed_by(pem: str) -> str:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return tokens.sign("access", SOMEBODY, key)


def generations(monkeypatch: pytest.MonkeyPatch, count: int) -> list[tuple[dict[str, Any], str]]:
    """The content of the secret after each renewal, and the public keys that functions deployed then were given."""
    monkeypatch.setenv("TOKEN_PUBLIC_KEYS", "x")
    kept, found = None, []
    for number in range(1, count + 1):
        kept = json.loads(json.dumps(keys.renewed(kept, number)))
        found.append((kept, keys.public_keys(kept)))
    return found


def test_functions_deployed_before_after_and_now_take_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    before, now, after = generations(monkeypatch, 3)
    monkeypatch.setenv("TOKEN_PUBLIC_KEYS", now[1])
    settings.tokens.cache_clear()
    token = signed_by(now[0]["current"])
    for _, public_keys in (before, now, after):
        monkeypatch.setenv("TOKEN_PUBLIC_KEYS", public_keys)
        settings.tokens.cache_clear()
        assert tokens.verify("access", token) == SOMEBODY


def test_a_key_that_was_replaced_twice_is_worth_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _, third = generations(monkeypatch, 3)
    token = signed_by(first[0]["current"])
    monkeypatch.setenv("TOKEN_PUBLIC_KEYS", third[1])
    settings.tokens.cache_clear()
    with pytest.raises(tokens.InvalidTokenError):
        tokens.verify("access", token)


def test_no_private_key_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ((kept, public_keys),) = generations(monkeypatch, 1)
    assert "PRIVATE" in kept["current"]
    assert "PRIVATE" not in public_keys
    assert len(public_keys.split()) == 2
