"""What several unit tests need."""

import os
from collections.abc import Iterator
from types import ModuleType

import pytest

from rottenbot import settings

SETTINGS = {
    "TOKEN_PUBLIC_KEYS": "x",
    "TOKEN_SIGNING_KEY_SECRET": "x",
    "DATABASE_HOST": "x",
    "DATABASE_SECRET": "x",
    "REDIS_URL": "redis://x",
    "EVENTS_BUCKET": "x",
    "CURSOR_KEY_SECRET": "x",
    "ORIGIN_KEY": "the key of CloudFront",
}
GROUPS = (
    settings.tokens,
    settings.signing,
    settings.origin,
    settings.database,
    settings.redis,
    settings.events,
    settings.cursors,
)


@pytest.fixture
def api() -> Iterator[ModuleType]:
    before = dict(os.environ)
    os.environ.update(SETTINGS)
    for group in GROUPS:
        group.cache_clear()
    from functions.auth import api

    yield api
    os.environ.clear()
    os.environ.update(before)
    for group in GROUPS:
        group.cache_clear()
