"""The key pair that signs tokens: made with the stack, and replaced without ending a log-in.

The secret holds the key in use and the one after it. The public halves of the last, this and the next are given to
all functions, so whatever version of them is running, it can check what a just replaced key has signed.
"""

import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rottenbot import custom_resource, secrets, settings, tokens
from rottenbot.aws import session
from rottenbot.custom_resource import Attributes, Properties
from rottenbot.logs import logger


def apply(properties: Properties) -> Attributes:
    """See to it that there are keys of at least this `Generation`. Returns the `PublicKeys` that tokens are checked
    with."""
    name = settings.signing().token_signing_key_secret
    wanted = int(properties["Generation"])
    kept = _read(name)
    if kept is None or kept["generation"] < wanted:
        kept = renewed(kept, wanted)
        session().client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(kept))
        logger.info("token keys made", generation=wanted)
    return {"PublicKeys": public_keys(kept)}


def renewed(kept: dict[str, Any] | None, generation: int) -> dict[str, Any]:
    """The content of the secret, with the next key in use and another one made."""
    if kept is None:
        return {"generation": generation, "current": _make(), "next": _make(), "previous": None}
    previous = tokens.encode_public_key(_load(kept["current"]).public_key())
    return {"generation": generation, "current": kept["next"], "next": _make(), "previous": previous}


def public_keys(kept: dict[str, Any]) -> str:
    """The public halves of a secret's keys, as TOKEN_PUBLIC_KEYS takes them."""
    keys = [tokens.encode_public_key(_load(kept[which]).public_key()) for which in ("current", "next")]
    return " ".join(keys + ([kept["previous"]] if kept["previous"] else []))


@cache
def signing_key() -> ec.EllipticCurvePrivateKey:
    """The key that signs tokens now. Raises UnavailableError, and SettingsError when it is not one."""
    return _load(secrets.read(settings.signing().token_signing_key_secret)["current"])


def _read(name: str) -> dict[str, Any] | None:
    client = session().client("secretsmanager")
    try:
        text = client.get_secret_value(SecretId=name)["SecretString"]
    except client.exceptions.ResourceNotFoundException:  # the secret is there, without a value
        return None
    document: dict[str, Any] | None = json.loads(text) if text else None
    return document


def _make() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _load(pem: str) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise settings.SettingsError("Wrong settings: TOKEN_SIGNING_KEY_SECRET: not an elliptic curve key")
    return key


handler = custom_resource.handler(apply)
