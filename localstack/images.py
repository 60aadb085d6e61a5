"""The functions' images built by `sam build`, and how large they are and how fast they start."""

import argparse
import json
import re
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

from deployment.build import build, images, labels
from deployment.stages import DeploymentError
from localstack.docker import docker
from localstack.gateway.pool import INVOKE
from localstack.lambda_base import EMULATOR_PORT, prepare_base
from localstack.ports import free
from localstack.processes import PartError
from localstack.settings import ROOT

EVENTS: Final = ROOT / "tests" / "events"
START_SECONDS: Final = 60
ENOUGH_TO_START: Final = {
    "TOKEN_PUBLIC_KEYS": "none",
    "TOKEN_SIGNING_KEY_SECRET": "none",
    "DATABASE_HOST": "none",
    "DATABASE_SECRET": "none",
    "AUTH_DATABASE_SECRET": "none",
    "ARCHIVE_DATABASE_SECRET": "none",
    "RECORDER_DATABASE_SECRET": "none",
    "CURSOR_KEY_SECRET": "none",
    "REDIS_URL": "redis://none",
    "EVENTS_BUCKET": "none",
    "ARCHIVE_BUCKET": "none",
}
TO_THE_COLLECTOR: Final = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTLP_BACKEND": "http://none"}
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True)
class Layer:
    """What one instruction of a Dockerfile adds to an image."""

    instruction: str
    size: int


def main() -> int:
    arguments = _arguments()
    try:
        base = prepare_base(arguments.base)
        print(f"Building on {base} …", flush=True)
        build({"BaseImage": base, "ModelRuntime": arguments.runtime, "Collector": arguments.collector} | labels())
        show(base, TO_THE_COLLECTOR if arguments.collector != "off" else {})
    except (DeploymentError, PartError) as error:
        print(f"rottenbot: {error}", file=sys.stderr)
        return 1
    return 0


def show(base: str, variables: Mapping[str, str]) -> None:
    """Print what each image is made of, and how long it takes from its start, with some environment variables, to its
    first answer."""
    below = _layers(base)
    print(f"\n{'image':<10}{'layer':<50}{'MB':>8}")
    for tag, uri in images().items():
        ours = _layers(uri)[len(below) :]
        rows = [
            (f"base: {base}", below),
            *((one.instruction, [one]) for one in ours if one.size),
            ("over the base", ours),
        ]
        for number, (text, layers) in enumerate(rows):
            megabytes = sum(layer.size for layer in layers) / MEGABYTE
            print(f"{'' if number else tag:<10}{text[:48]:<50}{megabytes:>8.1f}")
    print(f"\n{'function':<28}start to first answer, s")
    for name, seconds in starts(variables):
        print(f"{name:<28}{seconds:>8.2f}", flush=True)


def starts(variables: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    """For each function that serves, the seconds from `docker run` to the answer to its event in tests/events/."""
    stacks, _ = SamLocalStackProvider.get_stacks(str(ROOT / "template.yaml"))
    built = images()
    for function in SamFunctionProvider(stacks, use_raw_codeuri=True).get_all():
        event = EVENTS / f"{function.function_id}.json"
        if function.events:
            handler = function.imageconfig["Command"][0]
            yield (
                function.function_id,
                start(built[function.metadata["DockerTag"]], handler, event.read_bytes(), variables),
            )


def start(uri: str, handler: str, event: bytes, variables: Mapping[str, str]) -> float:
    """Seconds from the start of a container to its first answer. Raises PartError when there is none."""
    (port,) = free(1)
    options = [f"--env={name}={value}" for name, value in {**ENOUGH_TO_START, **variables}.items()]
    began = time.monotonic()
    container = docker("run", "--detach", f"--publish=127.0.0.1:{port}:{EMULATOR_PORT}", *options, uri, handler)
    try:
        while (answer := _invoke(port, event)) is None:
            if time.monotonic() > began + START_SECONDS:
                raise PartError(f"{handler} did not answer within {START_SECONDS} s.")
            time.sleep(0.02)
        if "errorMessage" in answer:
            raise PartError(f"{handler} does not start: {answer['errorMessage']}")
        return time.monotonic() - began
    finally:
        docker("rm", "--force", container)


def _invoke(port: int, event: bytes) -> dict[str, Any] | None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{INVOKE}", event, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            return dict(json.loads(answer.read()))
    except (OSError, HTTPException):
        return None


def _layers(image: str) -> list[Layer]:
    lines = docker("history", "--no-trunc", "--human=false", "--format={{json .}}", image).splitlines()
    described = [json.loads(line) for line in reversed(lines)]
    return [Layer(_instruction(one["CreatedBy"]), int(one["Size"])) for one in described]


def _instruction(created_by: str) -> str:
    # Docker writes the content's hash between COPY and the place.
    return re.sub(r"^/bin/sh -c (#\(nop\) +)?|(dir|file|multi):[0-9a-f]{64} in ", "", created_by)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m localstack.images", description=__doc__)
    parser.add_argument("--base", required=True, help="the base image, or `offline` for one that is made here")
    parser.add_argument("--runtime", default="litert", choices=["litert", "tensorflow"])
    parser.add_argument("--collector", default="off", choices=["off", "otlp", "aws"], help="needs to be fetched before")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
