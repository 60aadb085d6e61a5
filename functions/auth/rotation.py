"""Makes the keys that sign tokens when the stack is made, and replaces them when a deployment asks for it."""

import json
from typing import Any

from functions.auth import keys
from rottenbot import custom_resource, settings
from rottenbot.aws import session
from rottenbot.custom_resource import Attributes, Properties
from rottenbot.logs import logger

settings.check(settings.signing)


def rotate(properties: Properties) -> Attributes:
    """See to it that there are keys of at least this `Generation`. Returns the `PublicKeys` that tokens are checked
    with."""
    name = settings.signing().token_signing_key_secret
    wanted = int(properties["Generation"])
    kept = _read(name)
    if kept is None or kept["generation"] < wanted:
        kept = keys.renewed(kept, wanted)
        session().client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(kept))
        logger.info("token keys made", generation=wanted)
    return {"PublicKeys": keys.public_keys(kept)}


def _read(name: str) -> dict[str, Any] | None:
    client = session().client("secretsmanager")
    try:
        text = client.get_secret_value(SecretId=name)["SecretString"]
    except client.exceptions.ResourceNotFoundException:  # the secret is there, without a value
        return None
    document: dict[str, Any] | None = json.loads(text) if text else None
    return document


handler = custom_resource.handler(rotate)
