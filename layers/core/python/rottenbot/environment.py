"""The execution environment that this process is: which one, and whether it has been used yet."""

import os
import time
import uuid
from pathlib import Path
from typing import Final

IDENTITY: Final = uuid.uuid4().hex

_used = False


def enter() -> bool:
    """Mark the environment as used. Returns whether this is the first invocation since it was started for it: with
    provisioned concurrency it was started long before."""
    global _used
    first, _used = not _used, True
    return first and os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand") == "on-demand"


def memory() -> int:
    """Bytes of memory that the process takes now (statm of proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def age() -> float:
    """Seconds since the process was started (field 22 of proc_pid_stat(5), in ticks since the machine was)."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
