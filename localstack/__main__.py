"""`python -m localstack run`: the whole system in the foreground, until Ctrl-C."""

import ctypes
import signal
import sys
import time
from typing import Final

from localstack.processes import PartError
from localstack.settings import Settings, SettingsError
from localstack.stack import Stack, running

PR_SET_PDEATHSIG: Final = 1


def main() -> int:
    end_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, _interrupt)
    try:
        run(Settings.read())
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
    except (PartError, SettingsError) as error:
        print(f"rottenbot: {error}", file=sys.stderr)
        return 1
    return 0


def run(settings: Settings) -> None:
    """Serve until interrupted, or until a part ends."""
    with running(settings, lambda line: print(line, flush=True), sys.stdout.buffer) as stack:
        print(f"\nThe API is at {stack.url}, its documentation at {stack.url}/api/v1/docs. Stop with Ctrl-C.\n", flush=True)
        _watch(stack)


def end_with_parent() -> None:
    """Be told to stop when the process that started this one (make, say) is gone. Linux only; no effect elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _watch(stack: Stack) -> None:
    try:
        while True:
            time.sleep(0.5)
            for name in stack.processes.started:
                stack.processes.check(name)
    except KeyboardInterrupt:
        pass


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
