"""Functions as processes: each execution environment is AWS's Runtime Interface Emulator around `awslambdaric`.

An emulator serves one request at a time, as an environment on Lambda does, so every function has a pool of them.
"""

import http.client
import itertools
import json
import os
import platform
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from localstack.ports import listening
from localstack.settings import ROOT

ARCHITECTURE: Final = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
EMULATOR: Final = f".venvs/sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}"
START_SECONDS: Final = 20
WARM_UP: Final = b'{"warmup": true}'
INVOKE: Final = "/2015-03-31/functions/function/invocations"
LAMBDA_PAYLOAD_BYTES: Final = 6 * 1024 * 1024


class PayloadTooLargeError(Exception):
    """The event is larger than Lambda takes."""


@dataclass(frozen=True)
class FunctionSpec:
    """What a process needs to know of its function."""

    name: str
    handler: str
    timeout: int
    memory: int
    variables: dict[str, str]


@dataclass
class Environment:
    """One execution environment: started when first invoked, and again when its process died."""

    spec: FunctionSpec
    python: Path
    ports: tuple[int, int]
    log: IO[Any] = field(default_factory=lambda: sys.stderr)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    connection: http.client.HTTPConnection = field(init=False)

    def invoke(self, event: bytes) -> bytes:
        """Send an event and return what the function answered; an error of the runtime is an answer as well."""
        if self.process is None or self.process.poll() is not None:
            self._start()
        try:
            self.connection.request("POST", INVOKE, event, {"Content-Type": "application/json"})
            return self.connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            self.stop()
            return json.dumps({"errorType": "Runtime.ExitError", "errorMessage": str(error)}).encode()

    def stop(self) -> None:
        """End the emulator, which ends its function."""
        if self.process:
            self.process.terminate()
            self.process.wait()

    def _start(self) -> None:
        invoke_port, runtime_port = self.ports
        self.process = subprocess.Popen(
            [
                next(ROOT.glob(EMULATOR)),
                *("--log-level", "error"),
                *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
                *("--runtime-interface-emulator-address", f"127.0.0.1:{invoke_port}"),
                *(str(self.python), "-m", "awslambdaric", self.spec.handler),
            ],
            cwd=ROOT,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        deadline = time.monotonic() + START_SECONDS
        while not listening(invoke_port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the function {self.spec.name} did not start")
            time.sleep(0.005)
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", invoke_port, timeout=self.spec.timeout + START_SECONDS
        )

    def _variables(self) -> dict[str, str]:
        kept = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONDONTWRITEBYTECODE")
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return {
            **{name: os.environ[name] for name in kept if name in os.environ},
            **aws,
            "PWD": "/proc/self/cwd",  # the emulator makes a URL of it, in which % and # would mean something else
            **self.spec.variables,
            "PYTHONPATH": "layers/core/python",  # from the folder above; a colon in its own path would part it
            "LAMBDA_TASK_ROOT": str(ROOT),
            "AWS_LAMBDA_FUNCTION_NAME": self.spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.spec.timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.spec.memory),
        }


class WarmUpError(RuntimeError):
    """A function does not start."""


class Pool:
    """The execution environments of one function, the last used first, as Lambda reuses warm ones."""

    def __init__(self, environments: list[Environment]) -> None:
        self.environments = environments
        self.idle: queue.LifoQueue[Environment] = queue.LifoQueue()
        for environment in environments:
            self.idle.put(environment)

    def invoke(self, event: bytes) -> bytes:
        """Send an event to an idle environment, waiting for one while all are busy. Raises PayloadTooLargeError."""
        if len(event) > LAMBDA_PAYLOAD_BYTES:
            raise PayloadTooLargeError(f"{len(event)} bytes, of at most {LAMBDA_PAYLOAD_BYTES}")
        environment = self.idle.get()
        try:
            return environment.invoke(event)
        finally:
            self.idle.put(environment)

    def warm(self) -> None:
        """Initialise every environment, as provisioned concurrency does. Raises WarmUpError."""
        taken = [self.idle.get() for _ in self.environments]  # an event may be on its way through one
        try:
            with ThreadPoolExecutor(len(taken)) as threads:
                answers = threads.map(lambda environment: environment.invoke(WARM_UP), taken)
                for answer in map(json.loads, answers):
                    if "errorMessage" in answer:
                        raise WarmUpError(f"{taken[0].spec.name} does not start: {answer['errorMessage']}")
        finally:
            for environment in taken:
                self.idle.put(environment)


def port_pairs() -> Iterator[tuple[int, int]]:
    """Pairs of ports that nothing listens on, below the range that the system hands out itself."""
    free = (port for port in itertools.count(21000 + os.getpid() % 180 * 60) if not listening(port))
    return zip(free, free, strict=False)


def spec(function: Any, name: str, variables: dict[str, str]) -> FunctionSpec:
    """What the template says of a function, in the words of this module."""
    return FunctionSpec(
        name, function.imageconfig["Command"][0], function.timeout or 3, function.memory or 128, variables
    )
