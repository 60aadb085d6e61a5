"""Values in Secrets Manager, read once per execution environment."""

import json
from functools import cache

from rottenbot.aws import errors_mapped, session


@cache
def read_text(name: str) -> str:
    """The text of a secret. Raises UnavailableError when Secrets Manager does not answer."""
    return _get(name)


def check(name: str) -> None:
    """One exchange with Secrets Manager, for a secret that this function may read. Raises UnavailableError."""
    _get(name)


def forget() -> None:
    """Read every secret anew when it is next asked for."""
    read_text.cache_clear()


def read(name: str) -> dict[str, str]:
    """A secret that holds a JSON object."""
    document: dict[str, str] = json.loads(read_text(name))
    return document


def _get(name: str) -> str:
    from botocore.config import Config

    config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2})
    with errors_mapped("The settings store cannot be reached right now. Please try again later."):
        return session().client("secretsmanager", config=config).get_secret_value(SecretId=name)["SecretString"]
