"""Alembic's entry: applies the versions over one connection, one runner at a time."""

import pg8000.dbapi
from alembic import context
from sqlalchemy import create_engine, text

from rottenbot import database

LOCK = 4_601_776  # any number that nothing else in this database locks on

engine = create_engine("postgresql+pg8000://", creator=lambda: pg8000.dbapi.connect(**database.login()))
with engine.begin() as connection:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    context.configure(connection=connection)
    applied = context.get_context().get_current_revision()
    known = {one.revision for one in context.script.walk_revisions()}
    if applied is None or applied in known:  # else newer code was here before; what it added does not disturb
        context.run_migrations()
engine.dispose()
