"""A part that cannot run says why in one sentence. Each fault here is made, and met by the real server."""

import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from localstack import parts
from localstack.credentials import Credentials, CredentialsError
from localstack.processes import Part, PartError, Processes
from localstack.settings import ROOT, Settings, SettingsError

ENDED_SECONDS = 60
BUCKET = "BucketName: !Sub rottenbot-${Stage}-events-${AWS::AccountId}"
UNDEPLOYABLE = (ROOT / "template.yaml").read_text().replace(BUCKET, "BucketName: no_name_of_a_bucket!")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings().on_free_ports(tmp_path / "state")


@pytest.fixture
def credentials(settings: Settings) -> Credentials:
    settings.rottenbot_state.mkdir()
    return Credentials.load(settings.rottenbot_state)


@pytest.fixture
def processes(settings: Settings, credentials: Credentials) -> Iterator[Processes]:
    processes = Processes(settings.rottenbot_state)
    yield processes
    processes.stop()


def sentence(processes: Processes, part: Part) -> str:
    """What is said once the part has ended."""
    processes.start(part)
    processes.started[part.name].wait(ENDED_SECONDS)
    with pytest.raises(PartError) as raised:
        processes.check(part.name)
    return str(raised.value)


def until_ready(processes: Processes, part: Part) -> None:
    began = time.monotonic()
    while not processes.ready(part, time.monotonic() - began):
        time.sleep(0.02)


def run_for_a_while(processes: Processes, part: Part) -> None:
    processes.start(part)
    until_ready(processes, part)
    processes.started[part.name].send_signal(part.stop_signal)
    processes.started[part.name].wait(ENDED_SECONDS)


def other_version(data: Path) -> None:
    (data / "PG_VERSION").write_text("14\n")


def no_version(data: Path) -> None:
    (data / "PG_VERSION").write_text("nonsense\n")


def lost_log(data: Path) -> None:
    for segment in (data / "pg_wal").glob("0*"):
        segment.write_bytes(bytes(segment.stat().st_size))


def lost_control(data: Path) -> None:
    (data / "global" / "pg_control").unlink()


def unknown_parameter(data: Path) -> None:
    (data / "postgresql.conf").write_text("nonsense = 3\n")


def open_to_all(data: Path) -> None:
    data.chmod(0o777)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (other_version, "was initialized by PostgreSQL version 14, which is not compatible with this version"),
        (no_version, 'PG_VERSION" does not contain valid data'),
        (lost_log, "could not locate a valid checkpoint record"),
        (lost_control, 'pg_control": No such file or directory'),
        (unknown_parameter, 'unrecognized configuration parameter "nonsense"'),
        (open_to_all, "has invalid permissions"),
    ],
)
def test_postgresql_says_what_is_wrong_with_its_files(
    processes: Processes, settings: Settings, credentials: Credentials, spoil: Callable[[Path], None], why: str
) -> None:
    part = parts.postgres(settings, credentials)
    spoil(settings.rottenbot_state / "postgres")
    said = sentence(processes, part)
    assert said.startswith("PostgreSQL ended (exit code ")
    assert why in said
    assert said.endswith(f". See {settings.rottenbot_state}/logs/postgresql.log")


def half_a_command(folder: Path) -> None:
    next(folder.glob("*.incr.aof")).write_bytes(b"*3\r\n$3\r\nSET\r\nnonsense" * 3)


def no_manifest(folder: Path) -> None:
    next(folder.glob("*.manifest")).write_text("nonsense\n")


def no_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (half_a_command, "Bad file format reading the append only file"),
        (no_manifest, "Invalid AOF manifest file format"),
        (no_folder, "Can't open or create append-only dir appendonlydir: Not a directory"),
    ],
)
def test_redis_says_what_is_wrong_with_its_files(
    processes: Processes, settings: Settings, spoil: Callable[[Path], None], why: str
) -> None:
    run_for_a_while(processes, parts.redis(settings))
    spoil(settings.rottenbot_state / "redis" / "appendonlydir")
    assert why in sentence(processes, parts.redis(settings))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("PostgreSQL", "could not bind IPv4 address"),
        ("Redis", "bind: Address already in use"),
        ("Archive", "is not available on 127.0.0.1"),
        ("Status", "Address already in use"),
    ],
)
def test_a_port_that_was_taken_after_the_look_at_it_is_the_reason(
    processes: Processes, settings: Settings, credentials: Credentials, name: str, why: str
) -> None:
    made = [parts.postgres(settings, credentials), parts.redis(settings), parts.archive(settings, credentials)]
    (part,) = [one for one in [*made, parts.status(settings)] if one.name == name]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", part.ports[0][1]))
        taken.listen()
        assert why in sentence(processes, replace(part, ports=[]))


def test_localstack_that_is_damaged_says_how(processes: Processes, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "localstack").mkdir()
    (tmp_path / "localstack" / "__init__.py").write_text("raise ImportError('half of it is missing')")
    part = parts.localstack(settings)
    damaged = replace(part, environment={**part.environment, "PYTHONPATH": str(tmp_path)})
    assert ": ImportError: half of it is missing. See" in sentence(processes, damaged)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (None, "No such file or directory: "),
        ("Resources: [", "while parsing a flow "),
        ("nonsense: 1", "KeyError: "),
        (UNDEPLOYABLE, "template.yaml could not be deployed: "),
    ],
)
def test_a_template_that_cannot_be_deployed_is_the_reason(
    processes: Processes,
    settings: Settings,
    credentials: Credentials,
    tmp_path: Path,
    template: str | None,
    why: str,
) -> None:
    file = tmp_path / "template.yaml"
    if template is not None:
        file.write_text(template)
    processes.start(parts.localstack(settings))
    gateway = parts.gateway(settings, credentials, None)
    command = [file if word == ROOT / "template.yaml" else word for word in gateway.command]
    assert why in sentence(processes, replace(gateway, command=command))


def test_a_part_that_was_killed_is_said_to_be(processes: Processes, settings: Settings) -> None:
    part = parts.redis(settings)
    processes.start(part)
    processes.started["Redis"].kill()
    processes.started["Redis"].wait()
    with pytest.raises(PartError, match=r"^Redis ended \(SIGKILL\)"):
        processes.check("Redis")


def test_other_passwords_than_those_of_the_database_are_said_at_once(
    processes: Processes, settings: Settings, credentials: Credentials
) -> None:
    part = parts.postgres(settings, replace(credentials, database_password="another"))
    other = parts.postgres(settings, credentials)
    assert part.command == other.command  # the cluster is there, with the first password
    processes.start(other)
    with pytest.raises(PartError, match=r"^PostgreSQL has another password than credentials\.json\."):
        until_ready(processes, other)


@pytest.mark.parametrize("inside", ["", "below"])
def test_a_state_folder_that_is_a_file_is_said(tmp_path: Path, inside: str) -> None:
    (tmp_path / "state").write_text("a file")
    state = tmp_path / "state" / inside
    with pytest.raises(PartError, match=r"^The state cannot be kept in .*: (File exists|Not a directory)\. Set ROTT"):
        Processes(state)


@pytest.mark.parametrize(
    "older",
    [
        {},
        {"database_password": "p", "archive_access_key": "a", "archive_secret_key": "s"},
        {"database_password": "p", "token_signing_key": "of before", "token_public_key": "of before"},
        {"database_password": "p", "token_keys": None, "something": {"new": 1}},
    ],
)
def test_credentials_of_another_version_are_completed(tmp_path: Path, older: dict[str, object]) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps(older))
    loaded = Credentials.load(tmp_path)
    assert loaded.database_password == older.get("database_password", loaded.database_password)
    assert loaded.token_public_keys
    assert Credentials.load(tmp_path) == loaded
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"database_password": "p"'])
def test_credentials_that_are_damaged_are_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "credentials.json").write_text(text)
    with pytest.raises(CredentialsError, match=r"credentials\.json is damaged\."):
        Credentials.load(tmp_path)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ROTTENBOT_PORT", "0"),
        ("ROTTENBOT_PORT", "-1"),
        ("ROTTENBOT_LAMBDA_PORT", "65536"),
        ("ROTTENBOT_ARCHIVE_INTERNAL_PORTS", "65530"),
        ("ROTTENBOT_CONCURRENCY", "0"),
        ("ROTTENBOT_PORT", "9" * 5000),
        ("ROTTENBOT_STATE", "~nobody-of-this-name/state"),
    ],
)
def test_a_setting_out_of_its_range_is_said(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=rf"^{variable} cannot be "):
        Settings.read()


def test_a_relative_state_folder_is_that_of_the_folder_it_was_named_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROTTENBOT_STATE", "a/state")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Settings.read().rottenbot_state == tmp_path / "a" / "state"
    monkeypatch.setenv("ROTTENBOT_STATE", "~/state")
    assert Settings.read().rottenbot_state == tmp_path / "home" / "state"
