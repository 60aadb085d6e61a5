"""template.yaml deployed to LocalStack by CloudFormation, as `sam deploy` does it on AWS."""

import copy
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError
from samcli.lib.intrinsic_resolver.intrinsic_property_resolver import IntrinsicResolver
from samcli.lib.intrinsic_resolver.intrinsics_symbol_table import IntrinsicsSymbolTable

STACK: Final = "rottenbot"
TEMPLATES: Final = "templates"  # CloudFormation takes no more than 51,200 bytes but from a bucket


class DeployError(RuntimeError):
    """CloudFormation refused the template or could not make one of its resources."""


def wait_for_localstack() -> None:
    """Return once LocalStack answers; whoever started it looks after the case that it never does."""
    while True:
        try:
            boto3.client("cloudformation").list_stacks()
            return
        except (BotoCoreError, ClientError):
            time.sleep(0.05)


def put_secrets(secrets: dict[str, dict[str, str]]) -> dict[str, str]:
    """Create secrets, each named after the template's parameter that takes its ARN; returns those ARNs."""
    manager = boto3.client("secretsmanager")
    return {
        parameter: manager.create_secret(Name=f"{STACK}-{parameter}", SecretString=json.dumps(secret))["ARN"]
        for parameter, secret in secrets.items()
    }


def deploy(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, str]:
    """Create the stack and return its outputs. Raises DeployError with the resource that failed and why."""
    cloudformation = boto3.client("cloudformation")
    store = boto3.client("s3")
    store.create_bucket(Bucket=TEMPLATES, CreateBucketConfiguration={"LocationConstraint": store.meta.region_name})
    store.put_object(Bucket=TEMPLATES, Key=STACK, Body=json.dumps(_built(template, parameters)))
    cloudformation.create_stack(
        StackName=STACK,
        TemplateURL=f"{store.meta.endpoint_url}/{TEMPLATES}/{STACK}",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    try:
        waiter = cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName=STACK, WaiterConfig={"Delay": 0.25, "MaxAttempts": 240})  # type: ignore[typeddict-item]
    except WaiterError:
        events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        failed = [
            f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason')}"
            for e in events
            if "FAILED" in e["ResourceStatus"]
        ]
        raise DeployError("template.yaml could not be deployed: " + "; ".join(failed)) from None
    outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def function_names() -> dict[str, str]:
    """The functions of the stack: their logical names, and what they are called now that they are deployed."""
    resources = boto3.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources
        if resource["ResourceType"] == "AWS::Lambda::Function"
    }


def function_variables(names: dict[str, str]) -> dict[str, dict[str, str]]:
    """The environment variables of deployed functions by logical name, with all that the template refers to filled in.

    `names` are the functions' deployed names by their logical ones.
    """

    def of(name: str) -> dict[str, str]:
        configuration = boto3.client("lambda").get_function_configuration(FunctionName=name)
        return dict(configuration.get("Environment", {}).get("Variables", {}))

    with ThreadPoolExecutor() as threads:
        return dict(zip(names, threads.map(of, names.values()), strict=True))


def _built(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    # LocalStack looks into parts that a condition leaves out, and fails at what they refer to.
    known = IntrinsicsSymbolTable(template, logical_id_translator=parameters)
    resolver = IntrinsicResolver(template, known)
    conditions = {
        name: resolver.intrinsic_property_resolver(condition, ignore_errors=False)
        for name, condition in template["Conditions"].items()
    }
    built = copy.deepcopy(template)
    for section in (built["Resources"], built["Outputs"]):
        for name, part in list(section.items()):
            if not conditions.get(part.get("Condition"), True):
                del section[name]
    # `sam build` would put the address of the built image here; nothing is built, as the functions run from the tree.
    for resource in built["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["ImageUri"] = f"local/{resource['Metadata']['DockerTag']}:latest"
    return built
