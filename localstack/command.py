"""The whole system on this machine: `run` serves until Ctrl-C, `observe` does that with Grafana beside it, `demo` shows
the main job and ends."""

import argparse
import ctypes
import os
import signal
import sys
import time
from typing import Final

from localstack import parts
from localstack.client import ApiError
from localstack.credentials import CredentialsError
from localstack.demo import demo
from localstack.ports import NoPortsError
from localstack.processes import PartError
from localstack.settings import Settings, SettingsError
from localstack.stack import Observer, Stack, running

PR_SET_PDEATHSIG: Final = 1


def main() -> int:
    """Do what the command line says, until KeyboardInterrupt."""
    parser = argparse.ArgumentParser(prog="python -m localstack", description=__doc__)
    parser.add_argument("command", choices=["run", "observe", "demo"])
    command = parser.parse_args().command
    end_with_parent()
    os.umask(0o077)  # what is kept here is its owner's alone, and the owner can read it
    try:
        if command == "demo":
            return demo()
        settings = Settings.read()
        usual: Observer = "none" if settings.otel_exporter_otlp_endpoint else "status"
        return run(settings, "grafana" if command == "observe" else usual)
    except (ApiError, CredentialsError, NoPortsError, OSError, PartError, SettingsError) as error:
        print(f"rottenbot: {error}", file=sys.stderr)
        return 1


def run(settings: Settings, observer: Observer) -> int:
    """Serve until interrupted. Raises PartError when a part ends before."""
    with running(settings, lambda line: print(line, flush=True), sys.stdout.buffer, observer=observer) as stack:
        page = "" if settings.rottenbot_functions == "containers" else f"Open {stack.url} in a browser. "
        print(f"\n{page}The API is at {stack.url}/api/v1, its documentation at {stack.url}/api/v1/docs,", flush=True)
        seen = {
            "none": f"what it does is told to {settings.otel_exporter_otlp_endpoint}",
            "status": f"what it did in the last minutes at {stack.status_page}",
            "grafana": f"what it does in Grafana at {parts.grafana_url(settings)}/dashboards",
        }[observer]
        print(f"{seen}. Stop with Ctrl-C.\n", flush=True)
        _watch(stack)
    print("stopped", flush=True)
    return 0


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
        print("\nstopping …", flush=True)
