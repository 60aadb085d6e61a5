"""ES256 access and refresh tokens. Everyone can check one; only the auth function holds the key that signs."""

import base64
import hashlib
import time
import uuid
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from rottenbot import settings

Kind = Literal["access", "refresh"]
ADMIN: Final = "admin"
ALGORITHM: Final = "ES256"
HEADER_TYPES: Final[dict[Kind, str]] = {"access": "at+jwt", "refresh": "rt+jwt"}
CLOCKS_APART: Final = 5  # seconds by which the clock of the machine that signed may be ahead of this one's
CLAIMS: Final = ["iss", "aud", "iat", "exp", "jti", "family", "refresh", "user"]


class InvalidTokenError(Exception):
    """The token is missing, damaged, expired, revoked, of the wrong kind, or not ours."""


@dataclass(frozen=True)
class Token:
    """What a valid token says: whose it is, its own id, the log-in (family) that it descends from, and, in an access
    token, the role that its user had when it was made."""

    user_uid: uuid.UUID
    jti: str
    family: str
    role: str = "user"


def sign(kind: Kind, token: Token, key: EllipticCurvePrivateKey) -> str:
    """A signed token, valid from now for the time that the settings give its kind."""
    config = settings.tokens()
    now = int(time.time())
    lifetime = config.access_token_minutes * 60 if kind == "access" else config.refresh_token_days * 86_400
    claims = {
        "iss": config.token_issuer,
        "aud": config.token_audience,
        "iat": now,
        "exp": now + lifetime,
        "jti": token.jti,
        "family": token.family,
        "refresh": kind == "refresh",
        "user": {"user_uid": str(token.user_uid), "role": token.role},
    }
    headers = {"typ": HEADER_TYPES[kind], "kid": _key_id(encode_public_key(key.public_key()))}
    return jwt.encode(claims, key, ALGORITHM, headers=headers)


def verify(kind: Kind, encoded: str) -> Token:
    """Check signature, algorithm, issuer, audience, expiry and kind; InvalidTokenError does not say which failed."""
    config = settings.tokens()
    try:
        decoded = jwt.decode_complete(
            encoded,
            _public_keys(config.token_public_keys)[jwt.get_unverified_header(encoded)["kid"]],
            algorithms=[ALGORITHM],
            issuer=config.token_issuer,
            audience=config.token_audience,
            options={"require": CLAIMS, "verify_iat": False},
        )
        _check_kind(kind, decoded)
        claims = decoded["payload"]
        _check_issued(claims["iat"])
        user = claims["user"]
        return Token(
            uuid.UUID(user["user_uid"]), _text(claims["jti"]), _text(claims["family"]), _text(user.get("role", "user"))
        )
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidTokenError("The token is invalid or has expired. Please log in again.") from error


def encode_public_key(key: EllipticCurvePublicKey) -> str:
    """A key as one word of TOKEN_PUBLIC_KEYS: base64 of its DER form."""
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def _check_kind(kind: Kind, decoded: dict[str, Any]) -> None:
    right_header = decoded["header"].get("typ") == HEADER_TYPES[kind]
    if not right_header or decoded["payload"]["refresh"] is not (kind == "refresh"):
        raise jwt.InvalidTokenError("wrong kind of token")


def _check_issued(at: Any) -> None:
    # Not PyJWT's leeway, which would let an expired token live longer as well.
    if not at <= time.time() + CLOCKS_APART:
        raise jwt.ImmatureSignatureError("issued in the future")


def _text(claim: Any) -> str:
    if not isinstance(claim, str):
        raise jwt.InvalidTokenError("not a text")
    claim.encode()  # raises for half a character, which no store takes
    return claim


@cache
def _public_keys(encoded: str) -> dict[str, EllipticCurvePublicKey]:
    return {_key_id(word): _public_key(word) for word in encoded.split()}


def _public_key(encoded: str) -> EllipticCurvePublicKey:
    key = load_der_public_key(base64.b64decode(encoded))
    if not isinstance(key, EllipticCurvePublicKey):
        raise settings.SettingsError("Wrong settings: TOKEN_PUBLIC_KEYS: not an elliptic curve key")
    return key


def _key_id(encoded: str) -> str:
    return hashlib.sha256(encoded.encode()).hexdigest()[:16]
