"""Starting a part of the stack, waiting until it answers, and being sure that it ends."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from localstack.ports import listening
from localstack.settings import ROOT, own_python

START_SECONDS: Final = 120
INTERRUPTS: Final = (signal.SIGINT, signal.SIGTERM)
LOG_TAIL_BYTES: Final = 65_536
REASON_LINES: Final = 2
OF_PYTHON: Final = r"^rottenbot: (.+)|^((?:\w+\.)*\w*(?:Error|Exception): .+)|^(Port \d+ is in use by another program)"
FOR_DOCKER: Final = ("HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK")


class PartError(RuntimeError):
    """A part of the stack cannot run; the message names it, says why, and where its log is."""


@dataclass(frozen=True)
class Part:
    """One server of the stack. `ports` are those it listens on, each with the setting that it comes from; people and
    other parts use the first. `public` is one more, on which it listens when it is told to by `Processes.open`.
    `reasons` is the expression that finds, in its log, the lines that say why it cannot run."""

    name: str
    command: Sequence[str | Path]
    ports: Sequence[tuple[str, int]]
    scheme: str = "http"
    stop_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    answers: Callable[[], bool] = field(default=lambda: True)
    output: IO[bytes] | None = None
    host: str = "127.0.0.1"
    public: tuple[str, int] | None = None
    reasons: str = OF_PYTHON

    @property
    def address(self) -> str:
        """Where the part is reached."""
        return f"{self.scheme}://{self.host}:{self.ports[0][1]}"

    @property
    def opened(self) -> "Part":
        """The same once it listens on its public port."""
        return replace(self, ports=[self.public] if self.public else self.ports, public=None)


class Processes:
    """The running parts of one stack, alone on its state folder. `stop`, or dying, ends them all.

    Raises PartError when another stack runs on that folder.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self.logs = state / "logs"
        self.started: dict[str, subprocess.Popen[bytes]] = {}
        self._reasons: dict[str, str] = {}
        lock = _lock(state)
        shutil.rmtree(state / "tmp", ignore_errors=True)
        self._reaper = subprocess.Popen(
            [own_python(), "-m", "localstack.reaper"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd=ROOT,
            env=_environment(state) | docker_variables() | {"PYTHONPATH": "layers/core/python"},
            pass_fds=[lock],  # it holds the state until the last part has ended
        )
        os.close(lock)

    def start(self, part: Part) -> None:
        """Start a part, its errors (and its output, unless it names another place) going to its log; or PartError."""
        program = Path(part.command[0])
        if not program.is_file():
            raise PartError(f"{part.name} is not installed: there is no {program}. Run `make setup`.")
        for setting, port in [*part.ports, *([part.public] if part.public else [])]:
            if listening(port, part.host):
                raise PartError(f"{part.name} cannot start: port {port} is taken. Set {setting} to another one.")
        with self.log(part.name).open("wb") as log, _uninterrupted():
            process = subprocess.Popen(
                part.command,
                cwd=part.folder,
                env={**_environment(self.state), **part.environment},
                stdin=subprocess.PIPE if part.public else subprocess.DEVNULL,
                stdout=part.output or log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
            self.started[part.name] = process
            self._reasons[part.name] = part.reasons
            self._tell_reaper(pid=process.pid, signal=part.stop_signal)

    def open(self, name: str) -> None:
        """Tell a part to listen on its public port. Raises PartError when it has ended."""
        stdin = self.started[name].stdin
        assert stdin
        try:
            stdin.write(b"open\n")
            stdin.flush()
        except BrokenPipeError:
            self.started[name].wait()
            self.check(name)

    def keep_photos(self, url: str, bucket: str, folder: Path) -> None:
        """See to it that what is in the events bucket is kept when the stack ends."""
        self._tell_reaper(url=url, bucket=bucket, folder=str(folder))

    def remove_containers(self, network: str) -> None:
        """See to it that the containers in a Docker network are gone when the stack has ended."""
        self._tell_reaper(network=network)

    def ready(self, part: Part, waited: float) -> bool:
        """Whether a part answers. Raises PartError when it has ended, or has been waited for for two minutes."""
        self.check(part.name)
        if waited > START_SECONDS:
            raise PartError(f"{part.name} did not answer within {START_SECONDS} s{self._why(part.name)}")
        return listening(part.ports[0][1], part.host) and part.answers()

    def check(self, name: str) -> None:
        """Raise PartError if a part has ended."""
        code = self.started[name].poll()
        if code is not None:
            how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
            raise PartError(f"{name} ended ({how}){self._why(name)}")

    def log(self, name: str) -> Path:
        """The file that a part's messages go to."""
        self.logs.mkdir(parents=True, exist_ok=True)
        return self.logs / f"{name.lower()}.log"

    def stop(self) -> None:
        """End all parts and return when they are gone."""
        assert self._reaper.stdin
        self._reaper.stdin.close()
        self._reaper.wait()
        for process in self.started.values():
            process.wait()

    def _why(self, name: str) -> str:
        log = self.log(name)
        with log.open("a+b") as file:
            file.seek(max(0, file.tell() - LOG_TAIL_BYTES))
            told = reason(file.read().decode(errors="replace"), self._reasons[name])
        return f"{f': {told}' if told else ''}. See {log}"

    def _tell_reaper(self, **line: str | int) -> None:
        assert self._reaper.stdin
        self._reaper.stdin.write(json.dumps(line).encode() + b"\n")
        self._reaper.stdin.flush()


def reason(printed: str, reasons: str) -> str:
    """The last lines of what a program has printed that say why it failed, found by a regular expression whose groups
    are their words; without any, its last line."""
    found = [match[match.lastindex or 0] for match in re.finditer(reasons, printed, re.MULTILINE)]
    lines = list(dict.fromkeys(found))[-REASON_LINES:] or printed.strip().splitlines()[-1:]
    return "; ".join(line.strip().rstrip(".")[:300] for line in lines)


def docker_variables() -> dict[str, str]:
    """What the parts that speak to Docker's engine get of the environment beyond what all get."""
    return {name: value for name, value in os.environ.items() if name in FOR_DOCKER or name.startswith("DOCKER_")}


def _environment(state: Path) -> dict[str, str]:
    # All that any part gets. A shell is full of variables that change what some part does, or where it writes.
    own = {"HOME": state / "home", "TMPDIR": state / "tmp"}
    for folder in own.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        **{name: str(folder) for name, folder in own.items()},
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # nothing is written but into the state folder
    }


@contextmanager
def _uninterrupted() -> Iterator[None]:
    # A process that was started and is not known to the reaper yet would stay behind.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for interrupt in came:
            signal.raise_signal(interrupt)


def _lock(state: Path) -> int:
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = os.open(state / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PartError(
            f"The state cannot be kept in {state}: {error.strerror}. Set ROTTENBOT_STATE to another folder."
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PartError(f"Another stack runs on {state}. Stop it, or set ROTTENBOT_STATE to another folder.") from None
    return lock
