"""Brings the database schema up to date; runs from the auth image, before new code takes traffic."""

import os
from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rottenbot.logs import logger


@logger.inject_lambda_context(clear_state=True)
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, str]:
    """Apply every migration that the database does not have yet. Returns the revision it is at."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(os.environ["LAMBDA_TASK_ROOT"]) / "migrations"))
    command.upgrade(config, "head")
    revision = ScriptDirectory.from_config(config).get_current_head() or ""
    logger.info("database migrated", revision=revision)
    return {"revision": revision}
