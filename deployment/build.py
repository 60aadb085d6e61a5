"""The functions' images, built by `sam build`."""

import hashlib
import json
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from samcli.yamlhelper import yaml_dump, yaml_parse

from deployment.stages import DeploymentError, as_overrides
from localstack.docker import docker
from localstack.settings import ROOT, tool

BUILT: Final = ROOT / ".aws-sam" / "build" / "template.yaml"


def build(parameters: Mapping[str, str]) -> None:
    """Build all images with these parameters of the template. Raises DeploymentError with what sam says."""
    command: list[str | Path] = [tool("sam", "sam"), "build", "--parameter-overrides", *as_overrides(parameters)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if built.returncode:
        lines = (built.stderr or built.stdout).strip().splitlines()
        raise DeploymentError(f"sam build failed: {next((line for line in lines if 'Error' in line), lines[-1])}")


def labels() -> dict[str, str]:
    """The parameters that say which version and commit the images are made of."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    command: list[str | Path] = [shutil.which("git") or "git", "-C", ROOT, "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return {"Version": version, "GitSha": commit or "unknown"}


def images() -> dict[str, str]:
    """The built images by the tag that the template gives them."""
    return _images(yaml_parse(BUILT.read_text()))


def publish_changes(parameters: Mapping[str, str]) -> None:
    """Have a new version of the functions published when an image or a parameter has changed: SAM looks at images and
    at the text of the template alone."""
    template = yaml_parse(BUILT.read_text())
    identities = docker("image", "inspect", "--format={{.Id}}", *sorted(_images(template).values()))
    everything = json.dumps([identities, sorted(parameters.items())])
    for function in _functions(template):
        function["Properties"]["AutoPublishCodeSha256"] = hashlib.sha256(everything.encode()).hexdigest()
    BUILT.write_text(yaml_dump(template))


def _images(template: dict[str, Any]) -> dict[str, str]:
    functions = _functions(template)
    return {function["Metadata"]["DockerTag"]: function["Properties"]["ImageUri"] for function in functions}


def _functions(template: dict[str, Any]) -> list[dict[str, Any]]:
    resources = template["Resources"].values()
    return [resource for resource in resources if resource["Type"] == "AWS::Serverless::Function"]
