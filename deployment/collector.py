"""The ADOT collector, which AWS publishes as a layer: fetched, to be built into the images."""

import base64
import hashlib
import io
import shutil
import zipfile
from pathlib import Path
from typing import Any, Final

import requests

from deployment.stages import DeploymentError
from localstack.settings import ROOT

EXTENSION: Final = ROOT / "layers" / "otel" / "extension"
PROGRAM: Final = Path("extensions") / "collector"
ARCHITECTURES: Final = {"x86_64": "amd64", "arm64": "arm64"}


def layer(region: str, architecture: str) -> str:
    """The ARN of the layer (aws-otel.github.io/docs/getting-started/lambda/lambda-python, "Lambda Layer ARN")."""
    name = f"aws-otel-collector-{ARCHITECTURES[architecture]}-ver-0-117-0:1"
    return f"arn:aws:lambda:{region}:901920570463:layer:{name}"


def fetch(functions: Any, arn: str, folder: Path = EXTENSION) -> None:
    """Unpack a layer into a folder, by a client of Lambda; nothing is done when it is there already.

    Raises DeploymentError when what comes is not what Lambda says it is.
    """
    mark = folder / "layer"
    if mark.is_file() and mark.read_text() == arn:
        return
    content = functions.get_layer_version_by_arn(Arn=arn)["Content"]
    answer = requests.get(content["Location"], timeout=60)
    if not answer.ok:
        raise DeploymentError(f"The layer {arn} could not be fetched: {answer.status_code} {answer.text[:200]}")
    archive = answer.content
    if base64.b64encode(hashlib.sha256(archive).digest()).decode() != content["CodeSha256"]:
        raise DeploymentError(f"The layer {arn} was damaged on its way.")
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(folder)
    (folder / PROGRAM).chmod(0o755)  # which zipfile does not keep
    mark.write_text(arn)
