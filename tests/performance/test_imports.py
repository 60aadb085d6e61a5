"""What the handlers import before they are called: counted, not timed, so that it holds on any machine."""

import json
import subprocess
import sys

import pytest

from localstack.settings import ROOT

ENVIRONMENT = {
    "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core/python'}",
    "TOKEN_PUBLIC_KEYS": "x",
    "TOKEN_SIGNING_KEY_SECRET": "x",
    "REDIS_URL": "redis://x",
    "EVENTS_BUCKET": "x",
    "ARCHIVE_BUCKET": "x",
    "DATABASE_HOST": "x",
    "DATABASE_SECRET": "x",
    "AUTH_DATABASE_SECRET": "x",
    "ARCHIVE_DATABASE_SECRET": "x",
    "RECORDER_DATABASE_SECRET": "x",
    "CURSOR_KEY_SECRET": "x",
}
NEVER = {
    "opentelemetry",
    "tensorflow",
    "keras",
    "boto3",
    "botocore.client",
    "alembic",
    "sqlalchemy",
    "pg8000",
    "redis",
    "argon2",
    "zxcvbn",
}
BUDGETS = {
    "functions.auth.api": 525,
    "functions.auth.migrations": 300,
    "functions.auth.rotation": 525,
    "functions.predict.api": 660,
    "functions.predict.events": 535,
    "functions.predict.dead_letters": 530,
    "functions.archive.api": 535,
    "functions.archive.events": 410,
    "functions.archive.dead_letters": 410,
}


def imported(module: str) -> set[str]:
    program = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(ended.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize("module", BUDGETS)
def test_a_handler_imports_nothing_heavy_and_stays_within_its_budget(module: str) -> None:
    modules = imported(module)
    assert not NEVER & modules
    if "predict" not in module:
        assert not {"numpy", "PIL", "ai_edge_litert"} & modules
    assert len(modules) <= BUDGETS[module], f"{module} imports {len(modules)} modules"
