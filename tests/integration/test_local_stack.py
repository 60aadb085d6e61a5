"""Starting and stopping the local stack, as a person at a terminal meets it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from localstack.client import Client
from localstack.ports import listening
from localstack.settings import ROOT, Settings, SettingsError

ENDED_SECONDS = 30
HEALTH = ("health?full=true", "auth/health?full=true", "archive/health?full=true")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A stack of its own: other ports, other state."""
    settings = Settings(rottenbot_concurrency=1).on_free_ports(tmp_path / "state")
    given = {name.upper(): str(value) for name, value in vars(settings).items()}
    return {**os.environ, **given, "PYTHONPATH": ".:layers/core/python", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def run() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "localstack", "run"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=ENDED_SECONDS)


def until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "The API is at" in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def belonging_to(environment: dict[str, str]) -> list[str]:
    """Processes with this stack's state, or its ports, in their command or environment; not those that have ended."""
    state, redis = environment["ROTTENBOT_STATE"], f"127.0.0.1:{environment['ROTTENBOT_REDIS_PORT']}"
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                command = " ".join(process.cmdline())
                known = f"{command} {' '.join(process.environ().values())}"
                if state in known or redis in known:
                    found.append(f"{process.pid} {process.name()}")
        except psutil.Error:
            continue
    return found


def nothing_left(environment: dict[str, str]) -> None:
    deadline = time.monotonic() + ENDED_SECONDS
    while left := belonging_to(environment):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_behind(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str], number: signal.Signals
) -> None:
    process = start()
    printed = until_ready(process)
    for name in ("PostgreSQL", "Redis", "Archive", "LocalStack", "Status", "Gateway"):
        assert f"{name} " in printed
    assert len(belonging_to(environment)) > 10
    process.send_signal(number)
    code = process.wait(ENDED_SECONDS)
    assert code == (0 if number != signal.SIGKILL else -signal.SIGKILL)
    nothing_left(environment)


def test_the_page_about_the_last_minutes_is_beside_the_api(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    printed = until_ready(start())
    server = f"http://127.0.0.1:{environment['ROTTENBOT_PORT']}"
    assert f"Open {server} in a browser." in printed
    assert requests.get(f"{server}/api/v1/health", timeout=10).ok
    assert "GET /api/v1/health" in requests.get(f"{server}/_local/status", timeout=10).text


def test_the_first_connection_that_is_taken_meets_a_whole_system(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    process, port = start(), int(environment["ROTTENBOT_PORT"])
    deadline = time.monotonic() + 120
    while not listening(port):
        assert process.poll() is None
        assert time.monotonic() < deadline
    url = f"http://127.0.0.1:{port}"
    with ThreadPoolExecutor(8) as threads:  # nobody of whom waits for anything
        joined = [threads.submit(Client(url).join) for _ in range(8)]
        looked = [threads.submit(requests.get, f"{url}/api/v1/{path}", timeout=30) for path in HEALTH * 4]
    assert all(future.result().user["uid"] for future in joined)
    assert {future.result().status_code for future in looked} == {200}


def test_nothing_stays_behind_when_interrupted_while_starting(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    for seconds in (0.5, 0.9, 1.3, 2.0, 3.0, 4.5):  # on a folder that the first of them leaves as it is
        process = start()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=ENDED_SECONDS)
        nothing_left(environment)
    until_ready(start())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_state_survives_a_restart_and_photos_on_their_way_arrive(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str], photo: Path, number: signal.Signals
) -> None:
    first = start()
    until_ready(first)
    client = Client(f"http://127.0.0.1:{environment['ROTTENBOT_PORT']}").join()
    recorded = client.predict(photo, save=True)["prediction_uid"]
    client.wait_for(recorded)
    on_the_way = [client.predict(photo, save=True)["prediction_uid"] for _ in range(5)]
    first.send_signal(number)
    first.communicate(timeout=ENDED_SECONDS)
    nothing_left(environment)

    process, port = start(), int(environment["ROTTENBOT_PORT"])
    while not listening(port):
        assert process.poll() is None
    for uid in on_the_way:
        assert client.record(uid)["status"] in ("pending", "recorded")  # from the first connection that is taken
    until_ready(process)
    assert client.call("GET", "/auth/me") == client.user  # still logged in: keys, database and log-ins are kept
    assert client.record(recorded)["predicted_class_name"] == photo.stem
    for uid in on_the_way:
        assert client.wait_for(uid)["predicted_class_name"] == photo.stem


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("ROTTENBOT_PORT", "Gateway"),
        ("ROTTENBOT_LAMBDA_PORT", "Gateway"),
        ("ROTTENBOT_POSTGRES_PORT", "PostgreSQL"),
        ("ROTTENBOT_REDIS_PORT", "Redis"),
        ("ROTTENBOT_ARCHIVE_PORT", "Archive"),
        ("ROTTENBOT_ARCHIVE_INTERNAL_PORTS", "Archive"),
        ("ROTTENBOT_LOCALSTACK_PORT", "LocalStack"),
    ],
)
def test_a_taken_port_is_said_in_one_sentence(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str], variable: str, name: str
) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", int(environment[variable])))
        taken.listen()
        process = start()
        output, _ = process.communicate(timeout=ENDED_SECONDS)
    assert process.returncode == 1
    assert output.strip().splitlines()[-1] == (
        f"rottenbot: {name} cannot start: port {environment[variable]} is taken. Set {variable} to another one."
    )
    nothing_left(environment)


def test_two_stacks_never_share_their_state(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    until_ready(start())
    second = start()
    output, _ = second.communicate(timeout=ENDED_SECONDS)
    assert second.returncode == 1
    assert output.strip() == (
        f"rottenbot: Another stack runs on {environment['ROTTENBOT_STATE']}."
        " Stop it, or set ROTTENBOT_STATE to another folder."
    )


def test_a_part_that_dies_is_named_with_its_log(
    start: Callable[[], subprocess.Popen[str]], environment: dict[str, str]
) -> None:
    process = start()
    until_ready(process)
    (redis,) = [line for line in belonging_to(environment) if "valkey-server" in line]
    os.kill(int(redis.split()[0]), signal.SIGKILL)
    output, _ = process.communicate(timeout=ENDED_SECONDS)
    assert process.returncode == 1
    assert "rottenbot: Redis ended" in output
    assert "logs/redis.log" in output
    nothing_left(environment)


def test_a_missing_program_is_named(environment: dict[str, str]) -> None:
    program = """
import os
from pathlib import Path
from localstack.processes import Part, PartError, Processes
processes = Processes(Path(os.environ["ROTTENBOT_STATE"]))
try:
    processes.start(Part("Redis", [Path("/nowhere/valkey-server")], []))
except PartError as error:
    print(error)
processes.stop()
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "Redis is not installed: there is no /nowhere/valkey-server. Run `make setup`."


def test_a_port_that_is_no_number_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTTENBOT_PORT", "three thousand")
    with pytest.raises(SettingsError, match=r"^ROTTENBOT_PORT cannot be 'three thousand'\.$"):
        Settings.read()


def test_functions_run_in_one_of_two_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROTTENBOT_FUNCTIONS", "elsewhere")
    with pytest.raises(SettingsError, match=r"^ROTTENBOT_FUNCTIONS is one of processes, containers\.$"):
        Settings.read()
