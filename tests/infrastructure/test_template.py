"""What CloudFormation gets from template.yaml, asserted on offline."""

import json
import re
from collections import defaultdict
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from localstack.settings import ROOT
from rottenbot.pairing import MISMATCH
from tests.infrastructure.transformed import transformed

Resource = dict[str, Any]


@pytest.fixture(scope="module")
def resources() -> dict[str, Resource]:
    found: dict[str, Resource] = transformed()["Resources"]
    return found


def of_type(resources: dict[str, Resource], kind: str) -> dict[str, Resource]:
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}


def statements(resources: dict[str, Resource], function: str) -> list[dict[str, Any]]:
    found = []
    for policy in resources[f"{function}Role"]["Properties"].get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            found += [part for part in statement.get("Fn::If", [statement]) if "Effect" in part]
    return found


def behind(reference: dict[str, Any]) -> str:
    """The function behind a reference to its alias."""
    name = str(reference["Ref"])
    assert name.endswith("Aliaslive")
    return name.removesuffix("Aliaslive")


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def allowed(resources: dict[str, Resource], function: str) -> dict[str, str]:
    """Each action, and the text of what it may be done to."""
    found: dict[str, str] = defaultdict(str)
    for statement in statements(resources, function):
        for action in as_list(statement["Action"]):
            found[action] += json.dumps([statement["Resource"], statement.get("Condition", {})])
    return found


SERVING = ("AuthFunction", "PredictFunction", "ArchiveFunction")
WORKING = ("PredictEventsFunction", "ArchiveEventsFunction")
GIVING_UP = ("PredictGiveUpFunction", "ArchiveGiveUpFunction")
COLLECTORS_OWN = {"OTLP_BACKEND", "OTLP_AUTHORIZATION"}
FUNCTIONS = (*SERVING, *WORKING, *GIVING_UP, "MigrateFunction", "KeysFunction", "WarmUpFunction")


def test_every_function_is_named_in_these_tests(resources: dict[str, Resource]) -> None:
    assert set(of_type(resources, "AWS::Lambda::Function")) == set(FUNCTIONS)


def test_every_handler_and_dockerfile_is_there(resources: dict[str, Resource]) -> None:
    for name, function in of_type(resources, "AWS::Lambda::Function").items():
        module, _, attribute = function["ImageConfig"]["Command"][0].rpartition(".")
        folder = ROOT / "layers/core/python" if module.startswith("rottenbot.") else ROOT
        source = folder / f"{module.replace('.', '/')}.py"
        assert attribute == "handler"
        assert "handler" in source.read_text()
        assert (ROOT / resources[name]["Metadata"]["Dockerfile"]).is_file()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_policy_allows_everything(resources: dict[str, Resource], function: str) -> None:
    for statement in statements(resources, function):
        if "xray:PutTraceSegments" in as_list(statement["Action"]):
            continue  # X-Ray knows no resources
        assert "*" not in as_list(statement["Resource"])
        assert not any(action.endswith("*") for action in as_list(statement["Action"]))


def test_only_auth_can_read_the_signing_key(resources: dict[str, Resource]) -> None:
    holders = [name for name in FUNCTIONS if "TokenSigningKey" in json.dumps(statements(resources, name))]
    assert holders == ["AuthFunction", "KeysFunction"]  # the second makes it


def test_predict_has_no_database(resources: dict[str, Resource]) -> None:
    for name in ("PredictFunction", "PredictEventsFunction", "PredictGiveUpFunction"):
        assert "DATABASE" not in json.dumps(resources[name])
        assert "secretsmanager" not in json.dumps(statements(resources, name))


def test_what_gives_up_may_do_no_more_than_what_failed(resources: dict[str, Resource]) -> None:
    for failed, gives_up in zip(WORKING, GIVING_UP, strict=True):
        assert allowed(resources, gives_up) == allowed(resources, failed)


def test_each_function_touches_only_its_own_stage_of_the_events_bucket(resources: dict[str, Resource]) -> None:
    http = allowed(resources, "PredictFunction")
    assert {action for action in http if not action.startswith(("xray:", "logs:"))} == {
        "s3:PutObject",
        "kms:GenerateDataKey",
    }
    classify = allowed(resources, "PredictEventsFunction")
    assert "classified/*" in classify["s3:PutObject"]
    assert "uploads/" not in classify["s3:PutObject"]
    assert "uploads/*" in classify["s3:DeleteObject"]
    assert "classified/" not in classify["s3:DeleteObject"]
    record = allowed(resources, "ArchiveEventsFunction")
    assert "classified/*" in record["s3:GetObject"]
    assert "uploads/" not in record["s3:GetObject"]
    assert "ArchiveBucket" in record["s3:PutObject"]
    assert "EventsBucket" not in record["s3:PutObject"]
    assert "EventsBucket.Arn}/forget/*" in allowed(resources, "AuthFunction")["s3:PutObject"]
    read = [action for action in allowed(resources, "ArchiveFunction") if action.startswith("s3:")]
    assert not any("Put" in action for action in read)
    removes = [where for action, where in allowed(resources, "ArchiveFunction").items() if "Delete" in action]
    assert all("ArchiveBucket" in where and "EventsBucket" not in where for where in removes)


@pytest.mark.parametrize(
    ("function", "stage"), [("PredictEventsFunction", "uploads"), ("ArchiveEventsFunction", "classified")]
)
def test_an_object_that_is_gone_is_told_from_one_that_is_forbidden(
    resources: dict[str, Resource], function: str, stage: str
) -> None:
    # S3 answers 404 only to those who may list the bucket, and a request to read carries no prefix to compare.
    (statement,) = [s for s in statements(resources, function) if "s3:ListBucket" in as_list(s["Action"])]
    assert f"{stage}/*" in as_list(statement["Condition"]["StringLikeIfExists"]["s3:prefix"])


def test_every_queue_outlasts_six_tries_of_its_function_and_has_dead_letters(resources: dict[str, Resource]) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    mappings = of_type(resources, "AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 4
    for mapping in mappings.values():
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        function = behind(mapping["FunctionName"])
        assert queue["VisibilityTimeout"] >= 6 * resources[function]["Properties"]["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        if function in GIVING_UP:
            continue
        letters = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert letters["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5


def test_each_prefix_sets_off_the_function_that_handles_it(resources: dict[str, Resource]) -> None:
    bucket = of_type(resources, "AWS::S3::Bucket")["EventsBucket"]
    notified = {
        entry["Filter"]["S3Key"]["Rules"][0]["Value"]: entry["Queue"]["Fn::GetAtt"][0]
        for entry in bucket["NotificationConfiguration"]["QueueConfigurations"]
    }
    assert notified == {"uploads/": "UploadsQueue", "classified/": "ClassifiedQueue", "forget/": "ClassifiedQueue"}
    reads = {
        mapping["EventSourceArn"]["Fn::GetAtt"][0]: behind(mapping["FunctionName"])
        for mapping in of_type(resources, "AWS::Lambda::EventSourceMapping").values()
    }
    assert reads == {
        "UploadsQueue": "PredictEventsFunction",
        "UploadsDeadLetters": "PredictGiveUpFunction",
        "ClassifiedQueue": "ArchiveEventsFunction",
        "ClassifiedDeadLetters": "ArchiveGiveUpFunction",
    }


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
        assert given - COLLECTORS_OWN <= known


def test_the_collector_is_given_what_its_configuration_asks_for(resources: dict[str, Resource]) -> None:
    asked = re.findall(r"\$\{env:(\w+)\}", (ROOT / "layers/otel/collector-otlp.yaml").read_text())
    assert set(asked) == COLLECTORS_OWN
    for function in FUNCTIONS:
        variables = resources[function]["Properties"]["Environment"]["Variables"]
        assert set(variables) >= COLLECTORS_OWN
        assert "http://localhost:4318" in json.dumps(variables["OTEL_EXPORTER_OTLP_ENDPOINT"])


def test_functions_that_serve_or_work_may_send_telemetry(resources: dict[str, Resource]) -> None:
    for name in (*SERVING, *WORKING, *GIVING_UP):
        may = allowed(resources, name)
        assert may["xray:PutTraceSegments"] == json.dumps(["*", {}])
        assert "log-group:/rottenbot/metrics*" in may["logs:PutLogEvents"]


def test_the_gateway_answers_its_own_errors_as_problems(resources: dict[str, Resource]) -> None:
    body = json.dumps(of_type(resources, "AWS::ApiGateway::RestApi")["Api"]["Body"])
    assert "application/problem+json" in body
    assert "/api/v1/inference/uploads" in body


def test_requests_and_events_reach_the_alias(resources: dict[str, Resource]) -> None:
    body = json.dumps(of_type(resources, "AWS::ApiGateway::RestApi")["Api"]["Body"])
    for name in SERVING:
        assert f"${{{name}Aliaslive}}" in body
        assert f"${{{name}.Arn}}" not in body


def test_new_code_waits_for_its_tables(resources: dict[str, Resource]) -> None:
    # The tag makes the function depend on the migration, and the alias depends on the function.
    for name in (*SERVING, "ArchiveEventsFunction", "ArchiveGiveUpFunction"):
        tags = {tag["Key"]: tag["Value"] for tag in resources[name]["Properties"]["Tags"]}
        assert tags["schema"]["Fn::If"][1] == {"Fn::GetAtt": ["Migration", "Revision"]}
    assert resources["Migration"]["Properties"]["Version"]["Ref"].startswith("MigrateFunctionVersion")


@pytest.mark.parametrize("name", [*SERVING, *WORKING])
def test_a_new_version_that_fails_is_taken_back(resources: dict[str, Resource], name: str) -> None:
    assert "CodeDeployLambdaAliasUpdate" in resources[f"{name}Aliaslive"]["UpdatePolicy"]
    group = resources[f"{name}DeploymentGroup"]["Properties"]
    assert group["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"] == "Canary10Percent5Minutes"
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    (alarm,) = group["AlarmConfiguration"]["Alarms"]
    watched = resources[alarm["Name"]["Fn::If"][1]["Ref"]]["Properties"]
    dimensions = {one["Name"]: one["Value"] for one in watched["Dimensions"]}
    assert dimensions["FunctionName"] == {"Ref": name}
    assert dimensions["Resource"] == {"Fn::Sub": f"${{{name}}}:live"}
    assert dimensions["ExecutedVersion"]["Fn::GetAtt"][0].startswith(f"{name}Version")


def test_each_alarm_tells_somebody(resources: dict[str, Resource]) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    assert all(alarm["AlarmActions"] == [{"Ref": "Alarms"}] for alarm in alarms.values())
    metrics = {alarm["MetricName"] for alarm in alarms.values()}
    assert metrics == {
        "Errors",
        "Throttles",
        "Latency",
        "5XXError",
        "NumberOfMessagesDeleted",
        "ApproximateAgeOfOldestMessage",
        "DatabaseConnections",
        "AnswersMismatched",
    }
    assert alarms["Latency"]["ExtendedStatistic"] == "p99"


def test_the_alarm_on_mismatched_answers_waits_for_the_line_that_is_logged(resources: dict[str, Resource]) -> None:
    (logged,) = of_type(resources, "AWS::Logs::MetricFilter").values()
    assert logged["FilterPattern"] == f'"{MISMATCH}"'
    assert logged["MetricTransformations"][0]["MetricName"] == "AnswersMismatched"


def test_each_function_logs_in_to_the_database_as_itself(resources: dict[str, Resource]) -> None:
    logins = {"AuthFunction": "AuthLogin", "ArchiveFunction": "ArchiveLogin", "ArchiveEventsFunction": "RecorderLogin"}
    for name, login in logins.items():
        variables = resources[name]["Properties"]["Environment"]["Variables"]
        assert variables["DATABASE_SECRET"] == {"Ref": login}
        others = {*logins.values(), "DatabaseSecret", "MasterUserSecret"} - {login}
        assert not [other for other in others if other in json.dumps(statements(resources, name))]


def test_every_reference_leads_to_something_that_is_there_with_it(resources: dict[str, Resource]) -> None:
    template = yaml_parse((ROOT / "template.yaml").read_text())
    known = set(resources) | set(template["Parameters"])
    for name, resource in resources.items():
        text = json.dumps(resource["Properties"])
        named = set(re.findall(r'"(?:Ref": |Fn::GetAtt": \[)"([A-Za-z0-9]+)"', text))
        substituted = "".join(re.findall(r'"Fn::Sub": "((?:[^"\\]|\\.)*)"', text))
        named |= set(re.findall(r"\$\{([A-Za-z0-9]+)[.}]", substituted))
        assert named <= known, f"{name} refers to {named - known}"


def test_what_only_aws_has_is_left_out_elsewhere(resources: dict[str, Resource]) -> None:
    everywhere = {
        "AWS::ApiGateway",
        "AWS::IAM::Role",
        "AWS::Lambda",
        "AWS::S3::Bucket",
        "AWS::SQS",
        "AWS::SecretsManager",
        "AWS::CodeDeploy",  # made by SAM when GradualDeployment is true
    }
    for name, resource in resources.items():
        if "Condition" not in resource:
            assert any(resource["Type"].startswith(kind) for kind in everywhere), name


def test_only_the_entrances_can_be_switched_off(resources: dict[str, Resource]) -> None:
    stoppable = {
        name
        for name, function in of_type(resources, "AWS::Lambda::Function").items()
        if "ReservedConcurrentExecutions" in function
    }
    assert stoppable == set(SERVING)


def test_logs_end_and_requests_are_logged_without_bodies(resources: dict[str, Resource]) -> None:
    for group in of_type(resources, "AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert "KmsKeyId" in group
    for function in of_type(resources, "AWS::Lambda::Function").values():
        assert function["LoggingConfig"]["LogGroup"]["Fn::If"][1] == {"Ref": "FunctionLogs"}
    (stage,) = of_type(resources, "AWS::ApiGateway::Stage").values()
    assert all(setting["DataTraceEnabled"] is False for setting in stage["MethodSettings"])
    log = json.loads(stage["AccessLogSetting"]["Fn::If"][1]["Format"])
    assert not any(word in json.dumps(log) for word in ("body", "authorizer", "header", "requestOverride"))


def test_data_is_encrypted_and_outlives_the_stack(resources: dict[str, Resource]) -> None:
    for name in ("EventsBucket", "ArchiveBucket"):
        rule = resources[name]["Properties"]["BucketEncryption"]["Fn::If"][1]["ServerSideEncryptionConfiguration"][0]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    database = resources["Database"]
    assert database["DeletionPolicy"] == "Snapshot"
    assert database["Properties"]["StorageEncrypted"] is True
    assert database["Properties"]["ManageMasterUserPassword"] is True
    assert resources["DatabaseSettings"]["Properties"]["Parameters"]["rds.force_ssl"] == "1"


def test_no_photo_expires_before_it_was_given_up_on(resources: dict[str, Resource]) -> None:
    kept = max(queue.get("MessageRetentionPeriod", 0) for queue in of_type(resources, "AWS::SQS::Queue").values())
    for rule in resources["EventsBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]:
        assert rule["Prefix"] == "uploads/"  # a classified photo is the only copy of what was promised to be kept
        assert rule["ExpirationInDays"] * 86_400 > kept
    for rule in resources["ArchiveBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]:
        assert "ExpirationInDays" not in rule


def test_the_own_network_has_no_way_out(resources: dict[str, Resource]) -> None:
    kinds = {resource["Type"] for resource in resources.values()}
    assert not kinds & {"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::Route"}
    endpoints = of_type(resources, "AWS::EC2::VPCEndpoint").values()
    assert {one["ServiceName"]["Fn::Sub"].rsplit(".", 1)[1] for one in endpoints} == {"s3", "secretsmanager"}
    for group in ("DatabaseGroup", "CacheGroup", "SecretsGroup"):
        for rule in resources[group]["Properties"]["SecurityGroupIngress"]:
            assert rule["SourceSecurityGroupId"] == {"Fn::GetAtt": ["FunctionsGroup", "GroupId"]}
            assert "CidrIp" not in rule


def test_the_warm_up_touches_every_function_that_serves(resources: dict[str, Resource]) -> None:
    targets = resources["WarmUpSchedule"]["Properties"]["Targets"]
    assert {behind(target["Input"]["Fn::Sub"][1]["Alias"]) for target in targets} == set(SERVING)
    assert {behind(alias) for alias in as_list(statements(resources, "WarmUpFunction")[0]["Resource"])} == set(SERVING)


def test_every_documented_address_leads_to_one_function_by_any_method(resources: dict[str, Resource]) -> None:
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    served = api["Body"]["paths"]
    assert all(list(methods) == ["x-amazon-apigateway-any-method"] for methods in served.values())
    document = json.loads((ROOT / "functions/predict/openapi.json").read_text())
    assert set(served) == set(document["paths"]) | {"/api/v1/openapi.json", "/api/v1/docs"}


def test_other_sites_are_let_in_by_the_setting_alone(resources: dict[str, Resource]) -> None:
    for name in SERVING:
        variables = resources[name]["Properties"]["Environment"]["Variables"]
        assert variables["CORS_ORIGINS"] == {"Ref": "CorsOrigins"}
    (api,) = of_type(resources, "AWS::ApiGateway::RestApi").values()
    answers = api["Body"]["x-amazon-apigateway-gateway-responses"]
    for answer in answers.values():
        headers = answer["responseParameters"]
        allowed = headers["gatewayresponse.header.Access-Control-Allow-Origin"]
        assert allowed == {"Fn::If": ["HasCors", "'*'", {"Ref": "AWS::NoValue"}]}
        assert not any("Credentials" in header for header in headers)
        (body,) = answer["responseTemplates"].values()
        assert str(json.loads(body)["status"]) == answer["statusCode"]
