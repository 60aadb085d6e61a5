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
    context.run_migrations()
engine.dispose()
