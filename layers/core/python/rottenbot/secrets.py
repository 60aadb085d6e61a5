"""Values in Secrets Manager, read once per execution environment."""

import json
from functools import cache

from rottenbot.aws import errors_mapped, session


@cache
def read_text(name: str) -> str:
    """The text of a secret. Raises UnavailableError when Secrets Manager does not answer."""
    with errors_mapped("The settings store cannot be reached right now. Please try again later."):
        return session().client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]


def forget() -> None:
    """Read every secret anew when it is next asked for."""
    read_text.cache_clear()


def read(name: str) -> dict[str, str]:
    """A secret that holds a JSON object."""
    document: dict[str, str] = json.loads(read_text(name))
    return document
