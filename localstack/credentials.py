"""The local stack's passwords and keys: made once, kept beside its data, readable by its owner alone."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from functions.auth import keys


@dataclass(frozen=True)
class Credentials:
    """`token_keys` is the secret that holds the keys; `token_public_keys` what checks their tokens."""

    database_password: str
    archive_access_key: str
    archive_secret_key: str
    token_keys: str
    token_public_keys: str

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
        token_keys = keys.renewed(None, generation=1)
        return cls(
            database_password=secrets.token_urlsafe(24),
            archive_access_key=secrets.token_hex(10),
            archive_secret_key=secrets.token_urlsafe(30),
            token_keys=json.dumps(token_keys),
            token_public_keys=keys.public_keys(token_keys),
        )
