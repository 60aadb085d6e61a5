"""The keys that sign tokens, replaced without ending a log-in.

The secret holds the key in use and the one after it. The public halves of the last, this and the next are given to
all functions, so whatever version of them is running, it can check what a just replaced key has signed.
"""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rottenbot import secrets, settings, tokens


def renewed(kept: dict[str, Any] | None, generation: int) -> dict[str, Any]:
    """The content of the secret, with the next key in use and another one made."""
    if kept is None:
        return {"generation": generation, "current": _make(), "next": _make(), "previous": None}
    previous = tokens.encode_public_key(load(kept["current"]).public_key())
    return {"generation": generation, "current": kept["next"], "next": _make(), "previous": previous}


def public_keys(kept: dict[str, Any]) -> str:
    """The public halves of a secret's keys, as TOKEN_PUBLIC_KEYS takes them."""
    keys = [tokens.encode_public_key(load(kept[which]).public_key()) for which in ("current", "next")]
    return " ".join(keys + ([kept["previous"]] if kept["previous"] else []))


@cache
def signing_key() -> ec.EllipticCurvePrivateKey:
    """The key that signs tokens now. Raises UnavailableError, and SettingsError when it is not one."""
    return load(secrets.read(settings.signing().token_signing_key_secret)["current"])


def check() -> None:
    """One exchange with the store of the keys. Raises UnavailableError."""
    secrets.check(settings.signing().token_signing_key_secret)


def _make() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def load(pem: str) -> ec.EllipticCurvePrivateKey:
    """A private key of the secret. Raises SettingsError when it is not one."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise settings.SettingsError("Wrong settings: TOKEN_SIGNING_KEY_SECRET: not an elliptic curve key")
    return key
