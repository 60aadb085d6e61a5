"""How long the predict image takes to start and to answer, by memory and by what runs the model, and what it costs."""

import base64
import json
import os
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

import redis
import requests
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from deployment import costs
from functions.auth import keys
from localstack import docker, parts
from localstack.command import end_with_parent
from localstack.credentials import Credentials
from localstack.gateway.pool import INVOKE
from localstack.lambda_base import EMULATOR_PORT, prepare_base
from localstack.ports import free
from localstack.processes import PartError, Processes
from localstack.settings import ROOT, Settings
from localstack.stack import start
from rottenbot import cache, tokens

RUNTIMES: Final = ("litert", "tensorflow")
MEMORY_MB: Final = (512, 1024, 1769, 3008)
MB_OF_ONE_CPU: Final = 1769  # AWS Lambda Developer Guide, "Configure Lambda function memory"
STARTS: Final = 3
WARM_ANSWERS: Final = 20
START_SECONDS: Final = 120
PHOTO: Final = ROOT / "tests" / "photos" / "Apple__Rotten.jpg"


@dataclass(frozen=True)
class Measured:
    """Seconds to initialise, seconds from `docker run` to the first answer, milliseconds of a warm answer."""

    init: float
    first: float
    warm: float


def main() -> int:
    end_with_parent()
    console = Console()
    table = Table("runtime", "memory MB", "CPUs", "init s", "first answer s", "warm ms", "$ per million", box=SIMPLE)
    settings = replace(Settings.read(), rottenbot_functions="containers")
    settings = settings.on_free_ports(settings.rottenbot_state / "cold-starts")
    processes = Processes(settings.rottenbot_state)
    try:
        base = prepare_base(sys.argv[1])
        event, variables = _request(processes, settings)
        for runtime in RUNTIMES:
            image = _build(base, runtime)
            for memory in MEMORY_MB:
                cpus = memory / MB_OF_ONE_CPU
                row = [runtime, str(memory), f"{cpus:.2f}"]
                try:
                    measured = measure(lambda: _run(image, memory, cpus, variables), event)  # noqa: B023
                    table.add_row(*row, *_cells(measured, memory))
                except PartError as error:
                    table.add_row(*row, "", "", "", str(error))
                console.print(" ".join(row), "measured")
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    except PartError as error:
        print(f"rottenbot: {error}", file=sys.stderr)
        return 1
    finally:
        processes.stop()
    console.print(table)
    return 0


def measure(run: Callable[[], tuple[str, int]], event: bytes) -> Measured:
    """The medians of several starts of a container. Raises PartError when it does not start."""
    starts = [_start(run, event) for _ in range(STARTS)]
    return Measured(*(median(getattr(one, name) for one in starts) for name in ("init", "first", "warm")))


def _start(run: Callable[[], tuple[str, int]], event: bytes) -> Measured:
    began = time.perf_counter()
    container, port = run()
    try:
        answer = _first_answer(container, port, event)
        first = time.perf_counter() - began
        warm = []
        for _ in range(WARM_ANSWERS):
            began = time.perf_counter()
            _invoke(port, event)
            warm.append((time.perf_counter() - began) * 1000)
        (timing,) = answer["multiValueHeaders"]["Server-Timing"]
        return Measured(float(timing.split("dur=")[1].split(",")[0]) / 1000, first, median(warm))
    finally:
        docker.docker("rm", "--force", container)


def _first_answer(container: str, port: int, event: bytes) -> dict[str, Any]:
    while True:  # until the emulator in the container listens
        try:
            return _invoke(port, event)
        except requests.ConnectionError:
            if docker.docker("inspect", "--format={{.State.Running}}", container) != "true":
                raise PartError("ends: out of memory") from None
            time.sleep(0.01)


def _invoke(port: int, event: bytes) -> dict[str, Any]:
    answer = requests.post(f"http://127.0.0.1:{port}{INVOKE}", event, timeout=START_SECONDS)
    document: dict[str, Any] = answer.json() if answer.text.startswith("{") else {}
    if document.get("statusCode") != 200:
        raise PartError("no answer: " + (document.get("errorMessage") or answer.text)[:60])
    return document


def _run(image: str, memory: int, cpus: float, variables: dict[str, str]) -> tuple[str, int]:
    (port,) = free(1)
    options = [f"--env={name}={value}" for name, value in variables.items()]
    options += [f"--memory={memory}m", f"--memory-swap={memory}m", f"--cpus={cpus:.3f}"]
    options += [f"--publish=127.0.0.1:{port}:{EMULATOR_PORT}"]
    return docker.docker("run", "--detach", *options, image), port


def _build(base: str, runtime: str) -> str:
    image = f"rottenbot-predict:{runtime}"
    arguments = [f"--build-arg=BASE_IMAGE={base}", f"--build-arg=RUNTIME={runtime}"]
    docker.docker(
        "build", "--quiet", *arguments, f"--tag={image}", f"--file={ROOT / 'functions/predict/Dockerfile'}", str(ROOT)
    )
    return image


def _request(processes: Processes, settings: Settings) -> tuple[bytes, dict[str, str]]:
    credentials = Credentials.load(settings.rottenbot_state)
    start(processes, [parts.redis(settings)], lambda _: None)
    variables = {
        "TOKEN_PUBLIC_KEYS": credentials.token_public_keys,
        "REDIS_URL": f"redis://{parts.host(settings)}:{settings.rottenbot_redis_port}",
        "EVENTS_BUCKET": "none",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(START_SECONDS),
    }
    os.environ.update(variables)
    token = tokens.Token(uuid.uuid4(), "none", uuid.uuid4().hex)
    with redis.Redis(port=settings.rottenbot_redis_port) as store:
        store.hset(cache.session_key(token.family), cache.USER, str(token.user_uid))
    signed = tokens.sign("access", token, keys.load(json.loads(credentials.token_keys)["current"]))
    form = requests.Request(
        "POST", "http://any", files={"file": (PHOTO.name, PHOTO.read_bytes(), "image/jpeg")}
    ).prepare()
    assert isinstance(form.body, bytes)
    event = json.loads((ROOT / "tests" / "events" / "PredictFunction.json").read_text())
    event |= {"httpMethod": "POST", "path": "/api/v1/inference/predict", "resource": "/api/v1/inference/predict"}
    headers = {"Content-Type": form.headers["Content-Type"], "Authorization": f"Bearer {signed}"}
    event |= {"headers": headers, "multiValueHeaders": {name: [value] for name, value in headers.items()}}
    event |= {"body": base64.b64encode(form.body).decode(), "isBase64Encoded": True}
    return json.dumps(event).encode(), variables


def _cells(measured: Measured, memory: int) -> list[str]:
    dollars = 1e6 * (measured.warm / 1000 * memory / 1024 * costs.LAMBDA_GB_SECOND + costs.LAMBDA_REQUEST)
    return [f"{measured.init:.2f}", f"{measured.first:.2f}", f"{measured.warm:.0f}", f"{dollars:.2f}"]


if __name__ == "__main__":
    sys.exit(main())
