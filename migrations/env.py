"""Alembic's entry: applies the versions over one connection, one runner at a time."""

import ssl

from alembic import context
from sqlalchemy import create_engine, text

from rottenbot import settings

LOCK = 4_601_776  # any number that nothing else in this database locks on

tls = {"ssl_context": ssl.create_default_context()} if settings.database().database_tls else {}
engine = create_engine(context.config.attributes["url"], connect_args=tls)
with engine.begin() as connection:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    context.configure(connection=connection)
    context.run_migrations()
engine.dispose()
