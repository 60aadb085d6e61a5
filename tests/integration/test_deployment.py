"""What deploying relies on, as far as it shows without a deployment; `make rehearse` has the rest."""

import json
import os
import secrets
import subprocess
from pathlib import Path

import pg8000.native
import pytest

from deployment import page
from deployment.stages import DeploymentError, Stage
from localstack import aws, parts
from localstack.client import Client
from localstack.settings import ROOT, tool
from localstack.stack import Stack
from rottenbot import aws as functions_aws
from rottenbot import storage
from rottenbot.storage import Bucket


def deploy(*arguments: str, **variables: str) -> str:
    """The one line that a deployment that cannot be made ends with."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    clean |= {"PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    clean |= {"AWS_SHARED_CREDENTIALS_FILE": os.devnull} | variables
    command: list[str | Path] = [tool("sam", "python"), "-m", "deployment", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    return line.removeprefix("rottenbot: ")


def test_a_stage_that_is_not_there() -> None:
    assert deploy("--stage", "moon") == "There is no stage 'moon'; samconfig.toml has dev and prod."


def test_a_region_that_is_not_there() -> None:
    assert (
        deploy("--stage", "dev", "--region", "moon-1") == "There is no region 'moon-1' with Lambda; eu-west-1 is one."
    )


def test_no_credentials() -> None:
    assert deploy("--stage", "dev").startswith("There are no AWS credentials")


def test_a_profile_that_is_not_there() -> None:
    assert "moon" in deploy("--stage", "dev", AWS_PROFILE="moon")


def test_aws_that_cannot_be_reached() -> None:
    sentence = deploy("--stage", "dev", **aws.variables("http://127.0.0.1:9"))
    assert sentence.startswith("AWS cannot be asked who you are in eu-west-1: ")


def test_no_engine(stack: Stack, tmp_path: Path) -> None:
    account = aws.variables(parts.localstack_url(stack.settings))
    assert deploy("--stage", "dev", **account, PATH=str(tmp_path)) == "There is no Docker on this machine."


def test_an_engine_that_does_not_run(stack: Stack, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon.' >&2\nexit 1\n")
    program.chmod(0o755)
    account = aws.variables(parts.localstack_url(stack.settings))
    sentence = deploy("--stage", "dev", **account, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert sentence == "docker info failed: Cannot connect to the Docker daemon."


def test_the_stages_name_parameters_that_the_template_has() -> None:
    from samtranslator.yaml_helper import yaml_parse

    known = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
    for name in ("dev", "prod"):
        assert Stage.read(name).parameters.keys() <= known.keys()
        assert Stage.read(name).parameters["Stage"] == name
    with pytest.raises(DeploymentError):
        Stage.read("local")


def test_functions_take_a_database_password_that_was_replaced(stack: Stack, client: Client) -> None:
    secret, manager = stack.variables("AuthFunction")["DATABASE_SECRET"], stack.aws("secretsmanager")
    login = json.loads(manager.get_secret_value(SecretId=secret)["SecretString"])
    password = secrets.token_hex(16)
    client.call("GET", "/auth/me")
    with pg8000.native.Connection(**stack.database()) as owner:
        owner.run(f"ALTER ROLE {login['username']} PASSWORD '{password}'")
        manager.put_secret_value(SecretId=secret, SecretString=json.dumps(login | {"password": password}))
        owner.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{login['username']}'")
    assert client.call("GET", "/auth/me")["email"] == client.email


@pytest.mark.usefixtures("deployed")
def test_the_keys_are_made_once_and_replaced_once(stack: Stack) -> None:
    from functions.auth import rotation
    from rottenbot import settings

    manager = stack.aws("secretsmanager")
    name = manager.create_secret(Name=f"keys-{secrets.token_hex(4)}")["ARN"]
    before = os.environ["TOKEN_SIGNING_KEY_SECRET"]
    os.environ["TOKEN_SIGNING_KEY_SECRET"] = name
    settings.signing.cache_clear()
    try:
        first = rotation.rotate({"Generation": "1"})
        assert rotation.rotate({"Generation": "1"}) == first
        second = rotation.rotate({"Generation": "2"})
        assert rotation.rotate({"Generation": "2"}) == second
        assert rotation.rotate({"Generation": "1"}) == second  # a deployment that is taken back
        assert second["PublicKeys"].split()[0] == first["PublicKeys"].split()[1]
        assert "PRIVATE" in manager.get_secret_value(SecretId=name)["SecretString"]
    finally:
        os.environ["TOKEN_SIGNING_KEY_SECRET"] = before
        settings.signing.cache_clear()


def test_older_code_leaves_a_newer_schema_alone(stack: Stack) -> None:
    with pg8000.native.Connection(**stack.database()) as connection:
        ((known,),) = connection.run("SELECT version_num FROM alembic_version")
        connection.run("UPDATE alembic_version SET version_num = '9999'")
        try:
            assert stack.invoke("MigrateFunction", {}) == {"Revision": known}
            assert connection.run("SELECT version_num FROM alembic_version") == [["9999"]]
        finally:
            connection.run("UPDATE alembic_version SET version_num = :known", known=known)


def test_the_page_is_copied_and_what_it_no_longer_has_goes(stack: Stack) -> None:
    s3 = stack.aws("s3")
    s3.create_bucket(Bucket="page-of-a-test", CreateBucketConfiguration={"LocationConstraint": aws.REGION})
    s3.put_object(Bucket="page-of-a-test", Key="js/old.js", Body=b"old")
    number = page.publish(s3, "page-of-a-test")
    listed = s3.list_objects_v2(Bucket="page-of-a-test")["Contents"]
    assert len(listed) == number
    kinds = {one["Key"]: s3.head_object(Bucket="page-of-a-test", Key=one["Key"]) for one in listed}
    assert kinds["index.html"]["ContentType"] == "text/html"
    assert kinds["manifest.webmanifest"]["ContentType"] == "application/manifest+json"
    assert kinds["js/main.js"]["ContentType"] in ("text/javascript", "application/javascript")
    assert {kind["CacheControl"] for kind in kinds.values()} == {"no-cache"}


def test_a_photos_address_on_aws_is_that_of_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the bucket's own host, which CloudFront asks, because the address is signed for one host."""
    for name, value in (("DEFAULT_REGION", "us-east-1"), ("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(
        functions_aws, "session", functions_aws.session.__wrapped__
    )  # which keeps no session for other tests
    bucket = Bucket("rottenbot-dev-archive-1", storage._client(None, {}))
    host = "https://rottenbot-dev-archive-1.s3.us-east-1.amazonaws.com/"
    assert bucket.presigned_get("images/a/b.jpg", 60).startswith(f"{host}images/a/b.jpg?")
    assert bucket.presigned_post("uploads/a/b.jpg", "image/jpeg", 9, 60)["url"] == host


def test_a_warm_environment_returns_at_once(stack: Stack) -> None:
    answers = [stack.invoke("PredictFunction", {"warmup": True}) for _ in range(4)]
    assert not any(answer["started"] for answer in answers)  # the stack has warmed every one of them
    assert len({answer["environment"] for answer in answers}) <= stack.settings.rottenbot_concurrency


def test_an_answer_tells_how_long_it_took(client: Client) -> None:
    timing = client.http.get(f"{client.api}/health").headers["Server-Timing"]
    assert timing.startswith("app;dur=")
