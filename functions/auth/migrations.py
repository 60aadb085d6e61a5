"""Brings the database schema up to date; runs from the auth image, before new code takes requests."""

import os
from pathlib import Path

from rottenbot import custom_resource, settings
from rottenbot.custom_resource import Attributes, Properties
from rottenbot.logs import logger

settings.check(settings.database)


def migrate(_properties: Properties) -> Attributes:
    """Apply every migration that the database does not have yet. Returns the `Revision` that this code knows."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(os.environ["LAMBDA_TASK_ROOT"]) / "migrations"))
    command.upgrade(config, "head")
    revision = ScriptDirectory.from_config(config).get_current_head() or ""
    logger.info("database migrated", revision=revision)
    return {"Revision": revision}


handler = custom_resource.handler(migrate)
