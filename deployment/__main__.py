"""Builds the images and deploys the stack of a stage; ends with its addresses, or with one sentence and status 1."""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from deployment import account, collector, page
from deployment.build import build, labels, publish_changes
from deployment.stages import DeploymentError, Stage, as_overrides
from localstack.docker import docker
from localstack.processes import PartError
from localstack.settings import ROOT, tool


def main() -> int:
    arguments = _arguments()
    try:
        stage = Stage.read(arguments.stage)
        region = arguments.region or stage.region
        owner = account.check(region)
        docker("info", "--format", "{{.ServerVersion}}")
        parameters = stage.parameters | labels() | dict(one.split("=", 1) for one in arguments.parameters)
        print(f"Deploying {stage.stack} to account {owner} in {region} …", flush=True)
        if parameters.get("Collector", "off") != "off":
            architecture = parameters.get("Architecture", "x86_64")
            collector.fetch(boto3.client("lambda", region_name=region), collector.layer(region, architecture))
        build(parameters)
        publish_changes(parameters)
        deploy(stage, region, parameters)
        told = outputs(stage.stack, region)
        if "PageBucket" in told:
            files = page.publish(boto3.client("s3", region_name=region), told["PageBucket"])
            print(f"{files} files of the page copied to {told['PageBucket']}", flush=True)
        for name, value in told.items():
            print(f"{name:<18} {value}")
    except (DeploymentError, PartError) as error:
        print(f"rottenbot: {error}", file=sys.stderr)
        return 1
    return 0


def deploy(stage: Stage, region: str, parameters: Mapping[str, str]) -> None:
    """Run `sam deploy`. When it fails, the stack is as it was before, and DeploymentError says which resource failed
    and why."""
    command: list[str | Path] = [tool("sam", "sam"), "deploy", "--config-env", stage.name, "--region", region]
    command += ["--parameter-overrides", *as_overrides(parameters)]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise DeploymentError(f"{stage.stack} was not deployed: {_reason(stage.stack, region)}")


def outputs(stack: str, region: str) -> dict[str, str]:
    """What the template tells of a deployed stack."""
    described = boto3.client("cloudformation", region_name=region).describe_stacks(StackName=stack)["Stacks"][0]
    return {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}


def _reason(stack: str, region: str) -> str:
    cloudformation = boto3.client("cloudformation", region_name=region)
    pages = cloudformation.get_paginator("list_stacks").paginate()
    named = [one for page in pages for one in page["StackSummaries"] if one["StackName"] == stack]
    if not named:
        return "sam says why above."
    newest = max(named, key=lambda one: one["CreationTime"])
    for event in _last_deployment(cloudformation.describe_stack_events(StackName=newest["StackId"])["StackEvents"]):
        if event["ResourceStatus"].endswith("_FAILED"):
            return f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
    return "sam says why above."


def _last_deployment(newest_first: list[Any]) -> list[Any]:
    events: list[Any] = []
    for event in newest_first:
        events.insert(0, event)
        if event["PhysicalResourceId"] == event["StackId"] and event["ResourceStatus"] in (
            "CREATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
        ):
            break
    return events


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deployment", description=__doc__)
    parser.add_argument("--stage", required=True, help="a stage of samconfig.toml")
    parser.add_argument("--region", help="another region than that of the stage")
    parser.add_argument("parameters", nargs="*", help="parameters of the template, as Name=value")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
