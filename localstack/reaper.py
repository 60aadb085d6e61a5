"""Ends every part of the stack when the process that started them is gone, however it went.

Runs beside the stack. Reads JSON lines on its standard input: `{"pid", "signal"}` for every part started, each the
leader of a session of its own, and `{"url", "bucket", "folder"}` once there is an events bucket whose photos have to be
kept. When the input closes, the part started last ends first, then the photos are kept, then the other parts get their
signals, and what is left of all sessions after a grace time is killed.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import psutil

GRACE_SECONDS: Final = 10


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    told = [json.loads(line) for line in sys.stdin]
    parts = [line for line in told if "pid" in line]
    _end(parts[-1:])  # the gateway: nothing moves from place to place while photos are being kept
    try:
        for line in told:
            if "network" in line:
                _remove_containers(line["network"])
            if "bucket" in line:
                _keep_photos(**line)
    finally:  # whatever went wrong, no part stays behind
        _end(parts[:-1])


def _keep_photos(url: str, bucket: str, folder: str) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    from localstack import pending

    try:
        pending.keep(url, bucket, Path(folder))
    except (BotoCoreError, ClientError, OSError) as error:
        print(f"rottenbot: photos that were on their way could not be kept: {error}", file=sys.stderr)


def _remove_containers(network: str) -> None:
    from localstack import docker
    from localstack.processes import PartError

    try:
        docker.remove_network(network)
    except PartError as error:
        print(f"rottenbot: containers may be left: {error}", file=sys.stderr)


def _end(parts: list[dict[str, int]]) -> None:
    for part in reversed(parts):
        _signal(part["pid"], part["signal"])
    _await({part["pid"] for part in parts})


def _await(leaders: set[int]) -> None:
    deadline = time.monotonic() + GRACE_SECONDS
    while members := [pid for pid in psutil.pids() if _session(pid) in leaders and _runs(pid)]:
        too_late = time.monotonic() > deadline
        for pid in members:
            if too_late or _session(pid) not in members:  # what has lost its leader has nothing to finish
                _signal(pid, signal.SIGKILL)
        time.sleep(0.02)


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    main()
