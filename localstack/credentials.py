"""The local stack's passwords and keys: made once, kept beside its data, readable by its owner alone."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class Credentials:
    """`token_signing_key` is PEM; `token_public_key` is its public half, base64 of DER."""

    database_password: str
    archive_access_key: str
    archive_secret_key: str
    token_signing_key: str
    token_public_key: str

    @classmethod
    def load(cls, state: Path) -> Self:
        """Read them, or make them when this state folder has none yet."""
        file = state / "credentials.json"
        if file.exists():
            return cls(**json.loads(file.read_text()))
        made = cls._make()
        state.mkdir(parents=True, exist_ok=True)
        file.touch(0o600)
        file.write_text(json.dumps(asdict(made), indent=2))
        return made

    @classmethod
    def _make(cls) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return cls(
            database_password=secrets.token_urlsafe(24),
            archive_access_key=secrets.token_hex(10),
            archive_secret_key=secrets.token_urlsafe(30),
            token_signing_key=pem.decode(),
            token_public_key=base64.b64encode(der).decode(),
        )
