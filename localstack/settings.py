"""Every setting of the local stack: environment variables, read here and nowhere else."""

import os
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, Self

from localstack.ports import free, free_row

ARCHIVE_INTERNAL_PORTS: Final = 9
LAST_PORT: Final = 65_535
FUNCTIONS: Final = ("processes", "containers")
SERVERS: Final = ("processes", "compose")
ROOT: Final = Path(__file__).resolve().parent.parent


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Where the parts listen, where their state lies, and how many environments each function has.

    `rottenbot_functions` is `processes`, or `containers` for `sam local` on the images that `sam build` made;
    `rottenbot_servers` is `processes`, or `compose` for the containers of compose.yaml.
    `rottenbot_archive_internal_ports` is the first of nine in a row, by which the archive's own parts talk.
    """

    rottenbot_host: str = "127.0.0.1"
    rottenbot_port: int = 3000
    rottenbot_lambda_port: int = 3001
    rottenbot_localstack_port: int = 4566
    rottenbot_archive_port: int = 8333
    rottenbot_archive_internal_ports: int = 18330
    rottenbot_postgres_port: int = 54320
    rottenbot_redis_port: int = 63790
    rottenbot_status_port: int = 3002
    rottenbot_grafana_port: int = 3003
    rottenbot_collector_port: int = 4318
    rottenbot_functions: str = "processes"
    rottenbot_servers: str = "processes"
    rottenbot_concurrency: int = 2
    rottenbot_state: Path = ROOT / ".rottenbot"
    otel_exporter_otlp_endpoint: str = ""
    cors_origins: str = ""

    @classmethod
    def read(cls) -> Self:
        """The settings of this process's environment. Raises SettingsError."""
        given: dict[str, Any] = {}
        for field in fields(cls):
            kind: type[Any] = type(field.default)
            text = os.environ.get(field.name.upper())
            if text:
                try:
                    given[field.name] = _valid(field.name, kind(text))
                except (ValueError, RuntimeError):
                    raise SettingsError(f"{field.name.upper()} cannot be {text!r}.") from None
        settings = cls(**given)
        if settings.rottenbot_functions not in FUNCTIONS:
            raise SettingsError(f"ROTTENBOT_FUNCTIONS is one of {', '.join(FUNCTIONS)}.")
        if settings.rottenbot_servers not in SERVERS:
            raise SettingsError(f"ROTTENBOT_SERVERS is one of {', '.join(SERVERS)}.")
        return settings

    @property
    def in_docker(self) -> bool:
        """Whether anything of the stack runs in containers."""
        return (self.rottenbot_functions, self.rottenbot_servers) != ("processes", "processes")

    @property
    def network(self) -> str:
        """The Docker network that the functions' containers are in."""
        return f"rottenbot-{self.rottenbot_port}"

    def on_free_ports(self, state: Path) -> Self:
        """The same with every port chosen by the system, for a stack that lives beside another."""
        names = [field.name for field in fields(self) if field.name.endswith("_port")]
        ports: dict[str, Any] = dict(zip(names, free(len(names)), strict=True))
        return replace(
            self, rottenbot_state=state, rottenbot_archive_internal_ports=free_row(ARCHIVE_INTERNAL_PORTS), **ports
        )


def _valid(name: str, value: Any) -> Any:
    if isinstance(value, Path):
        return value.expanduser().absolute()
    most = LAST_PORT - ARCHIVE_INTERNAL_PORTS + 1 if name.endswith("_ports") else LAST_PORT
    if isinstance(value, int) and not 1 <= value <= most:
        raise ValueError(value)
    return value


def tool(environment: str, program: str) -> Path:
    """A program of one of the project's virtual environments."""
    return ROOT / ".venvs" / environment / "bin" / program


def own_python() -> Path:
    """The interpreter that this process runs on."""
    return Path(sys.executable)
