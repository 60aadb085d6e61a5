"""The local stack's passwords and keys: made once, kept beside its data, readable by its owner alone."""

import json
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from functions.auth import keys


class CredentialsError(RuntimeError):
    """The file of a state folder's passwords and keys cannot be read."""


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
        """Read them, and make those that this state folder does not have yet. Raises CredentialsError."""
        file = state / "credentials.json"
        kept = _read(file)
        made = asdict(cls._make()) | kept
        made["token_public_keys"] = keys.public_keys(json.loads(made["token_keys"]))
        credentials = cls(**made)
        if kept != made:
            _write(file, made)
        return credentials

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


def _read(file: Path) -> dict[str, str]:
    """What the file holds of what is needed now; another version may have written it."""
    try:
        document = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise CredentialsError(f"{file} is damaged. Without it the state cannot be read: `make clean` removes both.")
    names = [field.name for field in fields(Credentials)]
    return {name: document[name] for name in names if isinstance(document.get(name), str)}


def _write(file: Path, document: dict[str, str]) -> None:
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(0o600)
    new.write_text(json.dumps(document, indent=2))
    new.rename(file)  # all of it or nothing
