"""Runs a plan: starts a stack, has locust send the photos, watches, and counts."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pg8000.native
import psutil
from rich.console import Console
from rich.live import Live

from localstack import aws
from localstack.client import Client
from localstack.processes import PartError
from localstack.settings import ROOT, Settings, tool
from localstack.stack import Observer, Stack, running
from tests.performance.load import report
from tests.performance.load.plan import Answer, Outcome, Plan, Sample

PHOTOS: Final = ROOT / "tests" / "photos"
LOCUSTFILE: Final = Path(__file__).with_name("locustfile.py")
ACCOUNTS: Final = 20
BEHIND_SECONDS: Final = 300
SAMPLE_SECONDS: Final = 2
console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)


def main() -> int:
    outcome = Outcome(_plan(), 0)
    settings = Settings.read().on_free_ports(ROOT / ".rottenbot" / "load")
    console.print("Starting the stack …")
    access_log = (ROOT / ".rottenbot" / "load.log").open("wb")
    observer: Observer = "status" if outcome.plan.telemetry else "none"
    with running(settings, lambda _: None, access_log, fresh=True, observer=observer) as stack:
        clients = [Client(stack.url).join() for _ in range(ACCOUNTS)]
        outcome.began = time.time()
        with _sampled(stack, outcome):
            _send(stack, clients, outcome)
            _count(stack, outcome)
    console.print(report.table(outcome))
    page = report.write(outcome, ROOT / ".rottenbot" / "reports" / "load.html")
    console.print(f"Written to {page.relative_to(ROOT)}.")
    return 1 if outcome.lost or outcome.errors else 0


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.load", description=__doc__)
    parser.add_argument("--rate", type=float, default=0, help="requests a second, whether or not others are answered")
    parser.add_argument("--clients", type=int, default=3, help="without a rate: who send the next when one is answered")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--saved", type=float, default=0.1, help="share of the photos that are kept")
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, searched to its depth")
    parser.add_argument("--telemetry", action="store_true", help="with traces, metrics and logs sent to a collector")
    parser.add_argument("--kill-collector", action="store_true", help="kill that collector half-way")
    given = parser.parse_args()
    photos = sorted(map(str, given.photos.resolve().rglob("*.jpg")))
    if not photos:
        parser.error(f"there are no JPEG files in {given.photos}")
    telemetry = given.telemetry or given.kill_collector
    return Plan(given.rate, given.clients, given.minutes, given.saved, photos, telemetry, given.kill_collector)


def _send(stack: Stack, clients: list[Client], outcome: Outcome) -> None:
    plan = outcome.plan
    tokens = [client.http.headers["Authorization"] for client in clients]
    command: list[str | Path] = [tool("load", "locust"), "--headless", "--locustfile", LOCUSTFILE]
    command += ["--host", stack.url, "--users", "1" if plan.rate else str(plan.clients), "--spawn-rate", "100"]
    command += ["--run-time", f"{plan.minutes * 60:.0f}s", "--only-summary", "--loglevel", "WARNING"]
    variables = os.environ | {"LOAD_PLAN": json.dumps(asdict(plan) | {"tokens": tokens})}
    log, shown = stack.processes.log("locust").open("w"), 0.0
    with (
        subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=log, text=True) as locust,
        Live(console=console, refresh_per_second=1, transient=True) as live,
    ):
        assert locust.stdout
        for line in locust.stdout:
            if not line.startswith("{"):
                continue
            outcome.answers.append(Answer(**json.loads(line)))
            if time.time() > shown + 1:
                shown = time.time()
                live.update(report.progress(outcome))
            if plan.kill_collector and not outcome.killed and time.time() > outcome.began + plan.minutes * 30:
                outcome.killed = time.time()
                stack.processes.started["Status"].send_signal(signal.SIGKILL)
    if not outcome.answers:
        raise PartError(f"locust sent nothing. See {stack.processes.log('locust')}")


def _count(stack: Stack, outcome: Outcome) -> None:
    began = time.monotonic()
    saved = {answer.uid for answer in outcome.answers if answer.uid}
    missing = saved
    with pg8000.native.Connection(**stack.database()) as database:
        while missing and time.monotonic() < began + BEHIND_SECONDS:
            missing = saved - {str(uid) for (uid,) in database.run("SELECT uid FROM predictions")}
            time.sleep(0.2)
    outcome.saved, outcome.lost, outcome.seconds_behind = len(saved), len(missing), time.monotonic() - began


@contextmanager
def _sampled(stack: Stack, outcome: Outcome) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=_sample, args=(stack, outcome, ended))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _sample(stack: Stack, outcome: Outcome, ended: threading.Event) -> None:
    sqs, before, at = stack.aws("sqs"), _used(stack)[0], time.time()
    while not ended.wait(SAMPLE_SECONDS):
        now, (after, memory) = time.time(), _used(stack)
        processors = {name: (after[name] - before.get(name, 0)) / (now - at) for name in after}
        outcome.samples.append(Sample(now, processors, memory, sum(aws.queue_depths(sqs).values())))
        before, at = after, now


def _used(stack: Stack) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of processors and MiB of memory by part; the gateway's are those of the functions too."""
    seconds, memory = {}, {}
    for name, process in stack.processes.started.items():
        try:
            all_of_it = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            times = [one.cpu_times() for one in all_of_it]
            seconds[name] = sum(one.user + one.system for one in times)
            memory[name] = sum(one.memory_info().rss for one in all_of_it) / 2**20
        except psutil.Error:
            continue  # it ended while we looked
    return seconds, memory


if __name__ == "__main__":
    sys.exit(main())
