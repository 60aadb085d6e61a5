"""Every setting of every function: environment variables, read here and nowhere else.

Each group is read once, when first asked for, and is checked then: a wrong value ends the start with one sentence.
"""

import os
import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

Name = Annotated[str, Field(min_length=1)]
# As browsers write them: in lower case, without a path, and without the port that a scheme has anyway.
ORIGIN: Final = r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::[1-9][0-9]{0,4})?"


class SettingsError(RuntimeError):
    """An environment variable is missing or has a value that cannot be used."""


class Group(BaseModel):
    """Settings that are read together; the names of the fields in capitals are the environment variables."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def read(cls) -> Self:
        given = {field: os.environ[field.upper()] for field in cls.model_fields if os.environ.get(field.upper())}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            problems = "; ".join(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors(include_input=False))
            raise SettingsError(f"Wrong settings: {problems}") from None


def _without_usual_ports(origins: str) -> str:
    if any(re.fullmatch("http://.*:80|https://.*:443", origin) for origin in origins.split(",")):
        raise ValueError("browsers leave out ports 80 of http and 443 of https")
    return origins


Origins = Annotated[str, Field(pattern=rf"^(?:{ORIGIN}(?:,{ORIGIN})*)?$"), AfterValidator(_without_usual_ports)]


class Tokens(Group):
    token_issuer: Name = "rottenbot"
    token_audience: Name = "rottenbot-api"
    token_public_keys: Name
    access_token_minutes: Annotated[int, Field(ge=1, le=24 * 60)] = 60
    refresh_token_days: Annotated[int, Field(ge=1, le=90)] = 7
    refresh_grace_seconds: Annotated[int, Field(ge=0, le=60)] = 10


class Signing(Group):
    token_signing_key_secret: Name


class Origin(Group):
    origin_key: str | None = None


class Cors(Group):
    cors_origins: Origins = ""

    @property
    def origins(self) -> list[str]:
        """The sites whose pages may use the API."""
        return self.cors_origins.split(",") if self.cors_origins else []


class Attempts(Group):
    attempts_per_account: Annotated[int, Field(ge=1)] = 10
    attempts_per_address: Annotated[int, Field(ge=1)] = 100
    attempts_window_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
    attempts_turn_seconds: Annotated[int, Field(ge=1, le=60)] = 5
    attempts_known_days: Annotated[int, Field(ge=1, le=365)] = 30


class Database(Group):
    database_host: Name
    database_port: Annotated[int, Field(ge=1, le=65535)] = 5432
    database_name: Name = "rottenbot"
    database_secret: Name
    database_tls: bool = True
    database_timeout_seconds: Annotated[int, Field(ge=1, le=25)] = 5


class Logins(Group):
    auth_database_secret: Name
    archive_database_secret: Name
    recorder_database_secret: Name


class Cursors(Group):
    cursor_key_secret: Name


class Cache(Group):
    redis_url: Annotated[str, Field(pattern=r"^rediss?://")]
    redis_timeout_seconds: Annotated[float, Field(gt=0, le=10)] = 1.0


class Events(Group):
    events_bucket: Name
    aws_endpoint_url: str | None = None
    upload_max_bytes: Annotated[int, Field(ge=1)] = 25_000_000
    upload_expires_seconds: Annotated[int, Field(ge=1, le=3600)] = 600


class Archive(Group):
    archive_bucket: Name
    archive_endpoint_url: str | None = None
    archive_secret: str | None = None
    image_url_expires_seconds: Annotated[int, Field(ge=1, le=3600)] = 300


class Model(Group):
    model_runtime: Annotated[str, Field(pattern="^(litert|tensorflow)$")] = "litert"
    model_threads: Annotated[int, Field(ge=1, le=16)] = 1


class Telemetry(Group):
    otel_exporter_otlp_endpoint: Annotated[str, Field(pattern="^(https?://.+)?$")] = ""
    otel_service_name: Name = "rottenbot"
    telemetry_timeout_seconds: Annotated[float, Field(gt=0, le=1)] = 0.2


def check(*groups: Callable[[], Group]) -> None:
    """Read these groups now, so that a function with a wrong setting does not start. Raises SettingsError."""
    for group in groups:
        group()


tokens = cache(Tokens.read)
signing = cache(Signing.read)
attempts = cache(Attempts.read)
origin = cache(Origin.read)
database = cache(Database.read)
logins = cache(Logins.read)
cursors = cache(Cursors.read)
redis = cache(Cache.read)
events = cache(Events.read)
archive = cache(Archive.read)
cors = cache(Cors.read)
model = cache(Model.read)
telemetry = cache(Telemetry.read)
