"""`make bench`: how fast a function starts, how fast it answers, and how that compares with TensorFlow in its place."""

import base64
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import psutil
import requests
import urllib3
from PIL import Image
from playwright.sync_api import sync_playwright
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from localstack.client import Client
from localstack.gateway.pool import Environment, FunctionSpec, port_pairs
from localstack.settings import ROOT, Settings, tool
from localstack.stack import Stack, running
from localstack.status.charts import quantiles
from tests.browser.chromium import FirstVisit, first_visit, program

REPORT: Final = ROOT / ".rottenbot" / "reports" / "bench.json"
PHOTOS: Final = ROOT / "tests" / "photos"
SIZES: Final = {"0.25 MP": (576, 432), "12 MP": (4000, 3000)}
LOADS: Final = {
    ("0.25 MP", 1): 300,
    ("0.25 MP", 4): 400,
    ("0.25 MP", 16): 400,
    ("12 MP", 1): 60,
    ("12 MP", 4): 80,
    ("12 MP", 16): 80,
}
STARTS: Final = 5
VISITS: Final = 10
WARM_UP: Final = 10
# What the original does for a request, without its HTTP server: decode all, resize to the nearest pixels, predict.
ORIGINAL: Final = """
import json, sys, time
import numpy as np
from PIL import Image
import tensorflow as tf
model = tf.keras.models.load_model("functions/predict/model/model.keras", compile=False)
def answer(path):
    image = Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.NEAREST)
    return model.predict(np.asarray(image, dtype=np.float32)[np.newaxis], verbose=0)
for _ in range(5):
    answer(sys.argv[1])
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    answer(sys.argv[1])
    print(json.dumps((time.perf_counter() - began) * 1000), flush=True)
"""
console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one series of requests, and how many were answered in a second."""

    what: str
    clients: int
    per_second: float
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Start:
    """Seconds from starting the process to its first prediction, and its memory then in MiB."""

    runtime: str
    median: float
    slowest: float
    memory: float


def main() -> int:
    photos = {name: _photo(size) for name, size in SIZES.items()}
    console.print("Starting the stack …")
    with (
        running(Settings.read().on_free_ports(ROOT / ".rottenbot" / "bench"), lambda _: None, fresh=True) as stack,
        Progress(console=console) as progress,
    ):
        client = Client(stack.url).join()
        starts = [_start(stack, client, runtime, photos["0.25 MP"], progress) for runtime in ("litert", "tensorflow")]
        served = [_serve(client, photos[size], size, clients, progress) for size, clients in LOADS]
        original = [_original(photos[size], size, progress) for size in SIZES]
        visits = _visits(stack.url, progress)
    with Progress(console=console) as progress:
        start, latency = _observed(photos["0.25 MP"], progress)
    starts.append(start)
    served.append(latency)
    _print_starts(starts)
    _print_latencies(served, original)
    if visits:
        transferred, usable = (statistics.median(values) for values in zip(*map(astuple, visits), strict=True))
        console.print(f"First visit of the page: {transferred / 1000:.0f} KB, usable after {usable:.0f} ms.")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    report = {"machine": machine, "starts": starts, "served": served, "original": original, "visits": visits}
    REPORT.write_text(json.dumps(report, indent=2, default=asdict) + "\n")
    console.print(f"Written to {REPORT.relative_to(ROOT)}.")
    return 0


def _photo(size: tuple[int, int]) -> bytes:
    """A collage of the sample photos, so that it has about as much detail as a photo of its size."""
    collage = Image.new("RGB", size)
    columns = max(1, size[0] // 640)
    side = size[0] // columns
    for index, path in enumerate(sorted(PHOTOS.glob("*.jpg")) * 2):
        tile = Image.open(path).resize((side, side), Image.Resampling.LANCZOS)
        collage.paste(tile, (index % columns * side, index // columns * side))
    output = io.BytesIO()
    collage.save(output, "JPEG", quality=90)
    return output.getvalue()


def _start(stack: Stack, client: Client, runtime: str, photo: bytes, progress: Progress) -> Start:
    variables = {**stack.variables("PredictFunction"), "MODEL_RUNTIME": runtime}
    spec = FunctionSpec("bench", "functions.predict.api.handler", 60, 1769, variables)
    python = tool("dev" if runtime == "litert" else "training", "python")
    event = _event(client, photo)
    seconds, memory, ports = [], 0.0, port_pairs()
    log = (stack.settings.rottenbot_state / "logs" / f"start-{runtime}.log").open("w")
    for _ in progress.track(range(STARTS), description=f"Start with {runtime}"):
        environment = Environment(spec, python, next(ports), log)
        began = time.perf_counter()
        answer = json.loads(environment.invoke(event))
        seconds.append(time.perf_counter() - began)
        if answer.get("statusCode") != 200:
            raise RuntimeError(f"the function did not predict: {answer}")
        assert environment.process
        runtimes = psutil.Process(environment.process.pid).children(recursive=True)
        memory = max(memory, sum(child.memory_info().rss for child in runtimes) / 2**20)
        environment.stop()
    return Start(runtime, statistics.median(seconds), max(seconds), memory)


def _observed(photo: bytes, progress: Progress) -> tuple[Start, Latency]:
    """The same with telemetry sent to a collector, a process of its own."""
    settings = Settings.read().on_free_ports(ROOT / ".rottenbot" / "bench")
    with running(settings, lambda _: None, fresh=True, observer="status") as stack:
        client = Client(stack.url).join()
        start = _start(stack, client, "litert", photo, progress)
        latency = _serve(client, photo, "0.25 MP", 1, progress)
    return replace(start, runtime="litert, observed"), replace(latency, what="/predict, observed, 0.25 MP")


def _visits(url: str, progress: Progress) -> list[FirstVisit]:
    """First visits of the page, each with a browser that has nothing of it yet; none without Chromium."""
    found = program()
    if found is None:
        return []
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=found) as browser:
        visits = []
        for _ in progress.track(range(VISITS), description="First visits"):
            with browser.new_context(locale="en-US") as context:
                visits.append(first_visit(context, url))
    return visits


def _request(client: Client, photo: bytes) -> requests.PreparedRequest:
    url = f"{client.api}/inference/predict"
    return client.http.prepare_request(requests.Request("POST", url, files={"file": ("a.jpg", photo, "image/jpeg")}))


def _event(client: Client, photo: bytes) -> bytes:
    request = _request(client, photo)
    assert isinstance(request.body, bytes)
    event = {
        "resource": "/api/v1/inference/predict",
        "path": "/api/v1/inference/predict",
        "httpMethod": "POST",
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": "bench", "identity": {"sourceIp": "127.0.0.1"}},
        "body": base64.b64encode(request.body).decode(),
        "isBase64Encoded": True,
    }
    return json.dumps(event).encode()


def _serve(client: Client, photo: bytes, size: str, clients: int, progress: Progress) -> Latency:
    count = LOADS[size, clients]
    task = progress.add_task(f"{size}, {clients} clients", total=count)

    prepared = _request(client, photo)

    def one_client(_: int) -> list[float]:
        http = urllib3.PoolManager()

        def request() -> None:
            answer = http.request("POST", str(prepared.url), body=prepared.body, headers=prepared.headers)
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(f"the API answered {answer.status}")

        _repeat(request, WARM_UP // clients + 1, lambda: None)
        return _repeat(request, count // clients, lambda: progress.advance(task))

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        milliseconds = [value for series in threads.map(one_client, range(clients)) for value in series]
    seconds = (
        (time.perf_counter() - began) * len(milliseconds) / (len(milliseconds) + (WARM_UP // clients + 1) * clients)
    )
    return _latency(f"/predict, {size}", clients, milliseconds, seconds)


def _repeat(call: Callable[[], None], times: int, after: Callable[[], None]) -> list[float]:
    milliseconds = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        milliseconds.append((time.perf_counter() - began) * 1000)
        after()
    return milliseconds


def _original(photo: bytes, size: str, progress: Progress) -> Latency:
    count = LOADS[size, 1] // 3
    file = ROOT / ".rottenbot" / "bench" / "photo.jpg"
    file.write_bytes(photo)
    command: list[str | Path] = [tool("training", "python"), "-c", ORIGINAL, file, str(count)]
    milliseconds = list(progress.track(_lines(command), total=count, description=f"Keras predict, {size}"))
    return _latency(f"Keras predict, {size}", 1, milliseconds, sum(milliseconds) / 1000)


def _lines(command: list[str | Path]) -> Iterator[float]:
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            yield float(line)
    if process.returncode:
        raise RuntimeError("Keras could not predict")


def _latency(what: str, clients: int, milliseconds: list[float], seconds: float) -> Latency:
    return Latency(what, clients, len(milliseconds) / seconds, *quantiles(milliseconds))


def _print_starts(starts: list[Start]) -> None:
    table = Table("start to first prediction", "median s", "slowest s", "memory MiB", "times TensorFlow", box=SIMPLE)
    slowest = max(start.median for start in starts)
    for start in starts:
        row = (f"{start.median:.2f}", f"{start.slowest:.2f}", f"{start.memory:.0f}", f"{slowest / start.median:.1f}")
        table.add_row(start.runtime, *row)
    console.print(table)


def _print_latencies(served: list[Latency], original: list[Latency]) -> None:
    table = Table("requests", "clients", "per second", "p50 ms", "p95 ms", "p99 ms", "times Keras", box=SIMPLE)
    keras: dict[str, Any] = {line.what.rpartition(", ")[2]: line.per_second for line in original}
    for line in served + original:
        ratio = line.per_second / keras[line.what.rpartition(", ")[2]]
        row = (f"{line.per_second:.1f}", f"{line.p50:.1f}", f"{line.p95:.1f}", f"{line.p99:.1f}", f"{ratio:.1f}")
        table.add_row(line.what, str(line.clients), *row)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
