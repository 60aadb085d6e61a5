"""The functions' own log-ins to PostgreSQL, each a member of the role that says what it may do (migration 0005)."""

from base64 import b64encode
from typing import Final

from rottenbot import database, secrets, settings

LOCK: Final = 4_601_777  # any number that nothing else in this database locks on


def renew() -> None:
    """See to it that each log-in exists, with the password that its secret has now. Raises UnavailableError."""
    config = settings.logins()
    secrets.forget()  # this environment may have read them before they were replaced
    for role, secret in (
        ("rottenbot_auth", config.auth_database_secret),
        ("rottenbot_archive", config.archive_database_secret),
        ("rottenbot_recorder", config.recorder_database_secret),
    ):
        _renew(role, secrets.read(secret))


def _renew(role: str, login: dict[str, str]) -> None:
    from pg8000.native import identifier, literal

    name, verifier = identifier(login["username"]), literal(_verifier(login["password"]))
    exists = f"SELECT FROM pg_roles WHERE rolname = {literal(login['username'])}"
    database.query(
        f"""DO $$BEGIN
            PERFORM pg_advisory_xact_lock({LOCK});
            IF NOT EXISTS ({exists}) THEN CREATE ROLE {name}; END IF;
            ALTER ROLE {name} LOGIN PASSWORD {verifier};
            GRANT {role} TO {name};
        END$$"""
    )


def _verifier(password: str) -> str:
    # As PostgreSQL keeps it (RFC 5803), so that no log of statements ever has the password.
    from scramp.core import ScramMechanism

    salt, stored_key, server_key, iterations = ScramMechanism().make_auth_info(password)
    salt64, stored64, server64 = (b64encode(part).decode() for part in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"
