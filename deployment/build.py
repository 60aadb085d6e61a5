"""The functions' images, built by `sam build`."""

import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

from deployment.stages import DeploymentError
from localstack.settings import ROOT, tool


def build(parameters: Mapping[str, str]) -> None:
    """Build all images with these parameters of the template. Raises DeploymentError with sam's last line."""
    command: list[str | Path] = [tool("sam", "sam"), "build", "--parameter-overrides", *as_overrides(parameters)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if built.returncode:
        raise DeploymentError(f"sam build failed: {(built.stderr or built.stdout).strip().splitlines()[-1]}")


def labels() -> dict[str, str]:
    """The parameters that say which version and commit the images are made of."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    command: list[str | Path] = [shutil.which("git") or "git", "-C", ROOT, "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return {"Version": version, "GitSha": commit or "unknown"}


def as_overrides(parameters: Mapping[str, str]) -> list[str]:
    """Parameters as sam's `--parameter-overrides` takes them."""
    return [f"{name}={value}" for name, value in parameters.items()]
