"""Brings the database schema up to date, before new code takes requests, and says who is an admin."""

import os
from pathlib import Path

from rottenbot import custom_resource, settings
from rottenbot.custom_resource import Attributes, Properties
from rottenbot.logs import logger

settings.check(settings.database, settings.logins)


class MigrationError(RuntimeError):
    """The database refused a migration, and is as it was; the message is the database's."""


class UnknownAccountError(LookupError):
    """No account has this email."""


def apply(properties: Properties) -> Attributes:
    """Apply every migration that the database does not have yet, renew the functions' log-ins, and give the account
    with the email `MakeAdmin` or `MakeUser` that role. Returns the `Revision` that this code knows.

    Raises MigrationError and UnknownAccountError.
    """
    from functions.auth import logins

    revision = _migrate()
    logins.renew()
    _set_role(properties)
    return {"Revision": revision}


def _set_role(properties: Properties) -> None:
    from functions.auth import emails, store
    from rottenbot import tokens

    for name, role in (("MakeAdmin", tokens.ADMIN), ("MakeUser", "user")):
        email = properties.get(name)
        if email and not store.set_role(emails.lookup_key(email), role):
            raise UnknownAccountError("There is no account with this email.")


def _migrate() -> str:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy.exc import DBAPIError

    config = Config()
    folder = Path(os.environ["LAMBDA_TASK_ROOT"]) / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))  # it would put other options there
    try:
        command.upgrade(config, "head")
    except DBAPIError as error:
        given = error.orig.args[0] if error.orig and error.orig.args else error
        raise MigrationError(given["M"] if isinstance(given, dict) else str(given)) from error
    revision = ScriptDirectory.from_config(config).get_current_head() or ""
    logger.info("database migrated", revision=revision)
    return revision


handler = custom_resource.handler(apply)
