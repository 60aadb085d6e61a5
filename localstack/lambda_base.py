"""The image that the functions' images are built on."""

import subprocess
from typing import Final

from localstack.docker import docker
from localstack.gateway.pool import EMULATOR
from localstack.processes import PartError
from localstack.settings import ROOT

OFFLINE_BASE: Final = "local/lambda-python:3.13"
EMULATOR_PORT: Final = 8080


def prepare_base(base: str) -> str:
    """The name of the base image; the offline one is made first. Raises PartError when no engine runs."""
    docker("info", "--format", "{{.ServerVersion}}")
    if base != "offline":
        return base
    command = [ROOT / "localstack" / "lambda-base" / "make.sh", next(ROOT.glob(EMULATOR))]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode:
        raise PartError(f"The offline base cannot be made: {made.stderr.strip().splitlines()[-1]}")
    return OFFLINE_BASE
