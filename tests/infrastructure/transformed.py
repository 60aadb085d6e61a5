"""template.yaml as CloudFormation gets it on AWS, offline; as a program it writes that to a file."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from localstack.settings import ROOT


class NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def transformed() -> dict[str, Any]:
    """The template with everything in it that any parameter can bring."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
    template = yaml_parse((ROOT / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["ImageUri"] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rottenbot:tag"
    given = {"Stage": "dev", "GradualDeployment": "true"}
    document: dict[str, Any] = transform(template, given, NoManagedPolicies())
    return document


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(transformed(), indent=1))
