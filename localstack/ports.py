"""Which ports of this machine are in use, and which are free."""

import os
import socket
from typing import Final

FIRST, LAST = 18_400, 32_000  # below the range that the system hands out itself
STARTS: Final = 200


class NoPortsError(RuntimeError):
    """There is no row of free ports."""


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether anything accepts connections on this port at this address of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def free(count: int) -> list[int]:
    """Ports that the system chooses."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def free_row(length: int) -> int:
    """The first of so many free ports in a row, looked for from another place in each process."""
    for first in range(FIRST + os.getpid() % STARTS * length, LAST, length):
        if not any(listening(port) for port in range(first, first + length)):
            return first
    raise NoPortsError(f"There are no {length} free ports in a row between {FIRST} and {LAST}.")
