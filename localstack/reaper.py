"""Ends every part of the stack when the process that started them is gone, however it went.

Runs beside the stack. Reads lines `<pid> <signal>` on its standard input, one for every part started, each the leader
of a session of its own. When the input closes, the parts get their signals, the last started first, and what is left
of their sessions after a grace time is killed.
"""

import os
import signal
import sys
import time
from typing import Final

import psutil

GRACE_SECONDS: Final = 10


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parts = [tuple(map(int, line.split())) for line in sys.stdin]
    for leader, wanted in reversed(parts):
        _signal(leader, wanted)
    leaders = {leader for leader, _ in parts}
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
