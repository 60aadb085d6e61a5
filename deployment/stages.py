"""The stages that samconfig.toml describes."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from localstack.settings import ROOT

FILE: Final = ROOT / "samconfig.toml"


class DeploymentError(RuntimeError):
    """The stack cannot be deployed; the message is one sentence that says why."""


@dataclass(frozen=True)
class Stage:
    """Where a stage is deployed to, and the template's parameters for it."""

    name: str
    stack: str
    region: str
    parameters: dict[str, str]

    @classmethod
    def read(cls, name: str) -> Self:
        """A stage of samconfig.toml. Raises DeploymentError when there is none of this name."""
        sections = tomllib.loads(FILE.read_text())
        del sections["version"]
        stages = {stage: section["deploy"] for stage, section in sections.items() if "deploy" in section}
        if name not in stages:
            raise DeploymentError(f"There is no stage {name!r}; samconfig.toml has {' and '.join(stages)}.")
        given = stages[name]["parameters"]
        parameters = dict(one.split("=", 1) for one in given["parameter_overrides"])
        return cls(name, given["stack_name"], given["region"], parameters)


def as_overrides(parameters: Mapping[str, str]) -> list[str]:
    """Parameters as sam's `--parameter-overrides` takes them."""
    return [f"{name}={value}" for name, value in parameters.items()]
