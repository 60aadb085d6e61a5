"""What CloudFormation gets from template.yaml, asserted on offline."""

import json
import os
from collections import defaultdict
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from localstack.settings import ROOT

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
Resource = dict[str, Any]


class NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    template = yaml_parse((ROOT / "template.yaml").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["ImageUri"] = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/rottenbot:tag"
    found: dict[str, Resource] = transform(template, {"Stage": "dev"}, NoManagedPolicies())["Resources"]
    return found


def of_type(resources: dict[str, Resource], kind: str) -> dict[str, Resource]:
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def statements(resources: dict[str, Resource], function: str) -> list[dict[str, Any]]:
    found = []
    for policy in resources[f"{function}Role"]["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            found += [part for part in statement.get("Fn::If", [statement]) if "Effect" in part]
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(resources: dict[str, Resource], function: str) -> dict[str, str]:
    """Each action, and the text of what it may be done to."""
    found: dict[str, str] = defaultdict(str)
    for statement in statements(resources, function):
        for action in as_list(statement["Action"]):
            found[action] += json.dumps([statement["Resource"], statement.get("Condition", {})])
    return found


FUNCTIONS = (
    "AuthFunction",
    "MigrateFunction",
    "PredictFunction",
    "PredictEventsFunction",
    "ArchiveFunction",
    "ArchiveEventsFunction",
)


def test_every_function_is_named_in_these_tests(resources: dict[str, Resource]) -> None:
    assert set(of_type(resources, "AWS::Lambda::Function")) == set(FUNCTIONS)


def test_every_handler_and_dockerfile_is_there(resources: dict[str, Resource]) -> None:
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        module, _, attribute = function["ImageConfig"]["Command"][0].rpartition(".")
        source = ROOT / f"{module.replace('.', '/')}.py"
        assert attribute == "handler"
        assert "handler" in source.read_text()
        assert (ROOT / resources[name]["Metadata"]["Dockerfile"]).is_file()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_policy_allows_everything(resources: dict[str, Resource], function: str) -> None:
    for statement in statements(resources, function):
        assert "*" not in as_list(statement["Resource"])
        assert not any(action.endswith("*") for action in as_list(statement["Action"]))


def test_only_auth_can_read_the_signing_key(resources: dict[str, Resource]) -> None:
    holders = [name for name in FUNCTIONS if "TokenSigningKey" in json.dumps(statements(resources, name))]
    assert holders == ["AuthFunction"]


def test_predict_has_no_database(resources: dict[str, Resource]) -> None:
    for name in ("PredictFunction", "PredictEventsFunction"):
        assert "DATABASE" not in json.dumps(resources[name])
        assert "secretsmanager" not in json.dumps(statements(resources, name))


def test_each_function_touches_only_its_own_stage_of_the_events_bucket(resources: dict[str, Resource]) -> None:
    http = allowed(resources, "PredictFunction")
    assert set(http) == {"s3:PutObject"}
    classify = allowed(resources, "PredictEventsFunction")
    assert "classified/*" in classify["s3:PutObject"]
    assert "uploads/" not in classify["s3:PutObject"]
    assert "uploads/*" in classify["s3:DeleteObject"]
    assert "classified/" not in classify["s3:DeleteObject"]
    record = allowed(resources, "ArchiveEventsFunction")
    assert "classified/*" in record["s3:GetObject"]
    assert "uploads/" not in json.dumps(record)
    assert "ArchiveBucket" in record["s3:PutObject"]
    assert not any(action.startswith("s3:Delete") and "ArchiveBucket" in where for action, where in record.items())
    assert not any("Delete" in action or "Put" in action for action in allowed(resources, "ArchiveFunction"))


@pytest.mark.parametrize(
    ("function", "stage"), [("PredictEventsFunction", "uploads"), ("ArchiveEventsFunction", "classified")]
)
def test_an_object_that_is_gone_is_told_from_one_that_is_forbidden(
    resources: dict[str, Resource], function: str, stage: str
) -> None:
    # S3 answers 404 only to those who may list the bucket, and a request to read carries no prefix to compare.
    (statement,) = [s for s in statements(resources, function) if "s3:ListBucket" in as_list(s["Action"])]
    assert statement["Condition"] == {"StringLikeIfExists": {"s3:prefix": f"{stage}/*"}}


def test_every_queue_outlasts_six_tries_of_its_function_and_has_dead_letters(resources: dict[str, Resource]) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 2
    for mapping in mappings.values():
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        timeout = resources[mapping["FunctionName"]["Ref"]]["Properties"]["Timeout"]
        assert queue["VisibilityTimeout"] >= 6 * timeout
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        letters = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert letters["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5


def test_each_prefix_sets_off_the_function_that_handles_it(resources: dict[str, Resource]) -> None:
    bucket = of_type(resources, "AWS::S3::Bucket")["EventsBucket"]
    notified = {
        entry["Filter"]["S3Key"]["Rules"][0]["Value"]: entry["Queue"]["Fn::GetAtt"][0]
        for entry in bucket["NotificationConfiguration"]["QueueConfigurations"]
    }
    assert notified == {"uploads/": "UploadsQueue", "classified/": "ClassifiedQueue"}
    reads = {
        mapping["EventSourceArn"]["Fn::GetAtt"][0]: mapping["FunctionName"]["Ref"]
        for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    }
    assert reads == {"UploadsQueue": "PredictEventsFunction", "ClassifiedQueue": "ArchiveEventsFunction"}


def test_only_s3_from_the_events_bucket_may_send_to_the_queues(resources: dict[str, Resource]) -> None:
    (policy,) = of_type(resources, "AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert "events" in json.dumps(statement["Condition"]["ArnEquals"])


def test_buckets_are_private_and_events_keep_every_version(resources: dict[str, Resource]) -> None:
    for bucket in of_type(resources, "AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    events = of_type(resources, "AWS::S3::Bucket")["EventsBucket"]
    assert events["VersioningConfiguration"] == {"Status": "Enabled"}


def test_every_setting_of_a_function_is_one_that_it_knows(resources: dict[str, Resource]) -> None:
    from rottenbot import settings

    known = {
        field.upper()
        for group in vars(settings).values()
        if isinstance(group, type) and issubclass(group, settings.Group)
        for field in group.model_fields
    }
    for function in of_type(resources, "AWS::Lambda::Function").values():
        given = {name for name in function["Environment"]["Variables"] if not name.startswith("POWERTOOLS_")}
        assert given <= known


def test_the_gateway_answers_its_own_errors_as_problems(resources: dict[str, Resource]) -> None:
    body = json.dumps(of_type(resources, "AWS::ApiGateway::RestApi")["Api"]["Body"])
    assert "application/problem+json" in body
    assert "/api/v1/inference/uploads" in body
