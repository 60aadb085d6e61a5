"""A deployment to AWS rehearsed: `python -m deployment` against an emulator of AWS that runs the functions' images."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pg8000.native
import requests
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from deployment.stages import DeploymentError, Stage, as_overrides
from localstack import aws, docker, parts
from localstack.client import ApiError, Client
from localstack.command import end_with_parent
from localstack.credentials import Credentials
from localstack.lambda_base import prepare_base
from localstack.ports import free
from localstack.processes import Part, PartError, Processes, docker_variables
from localstack.settings import ROOT, Settings, tool
from localstack.stack import Stack, start

STAGE: Final = "dev"
PHOTO: Final = ROOT / "tests" / "photos" / "Apple__Rotten.jpg"
REGISTRY: Final = "/usr/bin/docker-registry"
ACCOUNT: Final = "000000000000"
MIGRATION: Final = """import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{down_revision}"


def upgrade() -> None:
    {statement}
"""
# The emulator's API Gateway passes over `x-amazon-apigateway-any-method`.
ANY_METHOD: Final = re.compile(r"^( +)(\w+):(\n +Type: Api\n +Properties: \{.*Method: )ANY(.*\}\n)", re.MULTILINE)
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS")
STEPS: Final = (
    "fail at first",
    "create",
    "warm up",
    "change code",
    "change configuration",
    "replace keys",
    "fail",
    "go back",
    "delete",
)


def _each_method(event: re.Match[str]) -> str:
    indent, name, before, after = event.groups()
    return "".join(f"{indent}{name}{method.title()}:{before}{method}{after}" for method in METHODS)


class RehearsalError(RuntimeError):
    """A step did not bring about what it should have."""


@dataclass
class Rehearsal:
    """The emulator, and the stack as the last step left it."""

    folder: Path
    url: str
    registry: str
    database: dict[str, Any]
    parameters: dict[str, str]
    tree: Path = ROOT
    client: Client = field(init=False)
    stack: str = field(default_factory=lambda: Stage.read(STAGE).stack)

    def fail_at_first(self) -> str:
        """A stack that cannot be made, as nothing listens where its database should be: nothing of it is left."""
        self.tree = self._copy("first")
        sentence = self._failure(self.tree, DatabasePort="9")
        stacks = self._aws("cloudformation").describe_stacks()["Stacks"]
        _require(self.stack not in [one["StackName"] for one in stacks], "the stack is left")
        self._require_nothing_left()
        _require(not [name for name in self._buckets() if name.startswith("rottenbot-")], "a bucket is left")
        return sentence

    def create(self) -> str:
        """The stack is made, and does its main job."""
        self._deploy()
        api = self._output("ApiUrl").split("//")[1].split(".")[0]
        self.client = Client(f"{self.url}/_aws/execute-api/{api}/{STAGE}").join()
        self._save_a_photo()
        provisioned = self._aws("lambda").get_provisioned_concurrency_config(
            FunctionName=self._resource("PredictFunction"), Qualifier="live"
        )
        _require(provisioned["RequestedProvisionedConcurrentExecutions"] == 1, "no provisioned concurrency")
        page = self._aws("s3").get_object(Bucket=self._output("PageBucket"), Key="index.html")["Body"].read()
        _require(page == (ROOT / "web" / "index.html").read_bytes(), "the page is not there")
        return "signed up, predicted, uploaded, both rows there; page there; provisioned concurrency read back"

    def warm_up(self) -> str:
        """The event of the schedule is sent as it is."""
        rule = self._resource("WarmUpSchedule")
        inputs = [target["Input"] for target in self._aws("events").list_targets_by_rule(Rule=rule)["Targets"]]
        touched = [self._invoke("WarmUpFunction", json.loads(text))["touched"] for text in inputs]
        _require(touched == [2, 2, 2], f"touched {touched} environments")
        return "2 environments of each of 3 functions touched"

    def change_code(self) -> str:
        """New images with a migration in them: it runs first, and then the alias moves."""
        before = self._versions()
        self.tree = self._copy("changed", "op.create_table('rehearsal', sa.Column('id', sa.Integer))")
        self._deploy()
        moved = {name for name, version in self._versions().items() if version != before[name]}
        _require(moved == before.keys(), f"only {moved} moved")
        with pg8000.native.Connection(**self.database) as connection:
            _require(connection.run("SELECT * FROM rehearsal") == [], "the migration did not run")
        self._save_a_photo()
        return "migrated first, alias live moved, log-in still valid, predicted, uploaded"

    def change_configuration(self) -> str:
        """No new image: the alias moves all the same."""
        before = self._versions()
        self._deploy(MemorySize="2048")
        _require(self._versions()["PredictFunction"] != before["PredictFunction"], "the alias did not move")
        _require(self._configuration("PredictFunction")["MemorySize"] == 2048, "the alias has the old memory")
        self._save_a_photo()
        return "alias live moved, 2,048 MB behind it"

    def replace_keys(self) -> str:
        """Tokens signed before and after are taken."""
        old = self._configuration("PredictFunction")["Environment"]["Variables"]["TOKEN_PUBLIC_KEYS"].split()
        self._deploy(TokenKeyGeneration="2")
        new = self._configuration("PredictFunction")["Environment"]["Variables"]["TOKEN_PUBLIC_KEYS"].split()
        _require(new[0] == old[1] and new[2] == old[0], "the next key is not in use")
        self._save_a_photo()
        Client(self.client.api.removesuffix("/api/v1")).join()
        return "tokens of both keys taken"

    def fail(self) -> str:
        """New images whose migration fails: one sentence, status 1, and everything as before."""
        before = self._versions()
        sentence = self._failure(self._copy("broken", "op.drop_column('nowhere', 'nothing')"))
        status = self._aws("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]["StackStatus"]
        _require(status == "UPDATE_ROLLBACK_COMPLETE", f"the stack is in {status}")
        _require(self._versions() == before, "an alias moved")
        self._save_a_photo()
        return sentence

    def go_back(self) -> str:
        """The first code again, on a database that is ahead of it."""
        self.tree = self.folder / "first"
        self._deploy()
        self._save_a_photo()
        return "older code runs on the newer schema"

    def delete(self) -> str:
        """Nothing is left but the photos."""
        command: list[str | Path] = [tool("sam", "sam"), "delete", "--config-env", STAGE, "--no-prompts"]
        ended = self._log(command, self.tree)
        _require(ended.returncode == 0, f"sam delete failed: {ended.stderr.strip()}")
        self._require_nothing_left()
        archive = f"rottenbot-{STAGE}-archive-{ACCOUNT}"
        _require(archive in self._buckets(), "the photos are gone")
        kept = self._aws("s3").list_objects_v2(Bucket=archive)["KeyCount"]
        return f"no function and no queue left; {kept} photos kept in their bucket"

    def _deploy(self, **changes: str) -> None:
        self.parameters |= changes
        ended = self._run(self.tree, self.parameters)
        if ended.returncode:
            raise RehearsalError(f"{_last_line(ended)} See {self.folder / 'deployment.log'}")

    def _failure(self, tree: Path, **changes: str) -> str:
        ended = self._run(tree, self.parameters | changes)
        sentence = _last_line(ended)
        _require(ended.returncode == 1 and "Migration: " in sentence, f"the failed migration was not told: {sentence}")
        return sentence

    def _run(self, tree: Path, parameters: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        command: list[str | Path] = [tool("sam", "python"), "-m", "deployment", "--stage", STAGE]
        return self._log([*command, *as_overrides(parameters)], tree)

    def _log(self, command: list[str | Path], tree: Path) -> "subprocess.CompletedProcess[str]":
        variables = os.environ | aws.variables(self.url)
        variables |= {"DOCKER_CONFIG": str(self.folder / "docker"), "PYTHONPATH": str(tree)}
        ended = subprocess.run(command, cwd=tree, env=variables, capture_output=True, text=True)
        with (self.folder / "deployment.log").open("a") as log:
            log.write(ended.stdout + ended.stderr)
        return ended

    def _copy(self, name: str, migration: str | None = None) -> Path:
        """The code once more, for images to be pushed to the registry here, and perhaps with another migration."""
        tree = self.folder / name
        shutil.copytree(self.tree, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        (tree / ".venvs").symlink_to(ROOT / ".venvs")
        shutil.copy(ROOT / ".dockerignore", tree)
        samconfig = tree / "samconfig.toml"
        registry = f'image_repository = "{self.registry}"'
        samconfig.write_text(samconfig.read_text().replace("resolve_image_repos = true", registry))
        template = tree / "template.yaml"
        template.write_text(ANY_METHOD.sub(_each_method, template.read_text()))
        if migration:
            versions = tree / "migrations" / "versions"
            newest = max(path.name for path in versions.glob("*.py"))[:4]
            number = f"{int(newest) + 1:04}"
            text = MIGRATION.format(revision=number, down_revision=newest, statement=migration)
            (versions / f"{number}_rehearsal.py").write_text(text)
        return tree

    def _save_a_photo(self) -> None:
        answer = self.client.predict(PHOTO, save=True)
        uploaded = self.client.upload(PHOTO)
        for uid in (answer["prediction_uid"], uploaded):
            record = self.client.wait_for(uid)
            _require(record["predicted_class_name"] == PHOTO.stem, f"{uid} is {record}")
            _require(requests.get(record["image_url"], timeout=10).content == PHOTO.read_bytes(), f"{uid} has no image")

    def _require_nothing_left(self) -> None:
        _require(not self._aws("lambda").list_functions()["Functions"], "functions are left")
        _require(not self._aws("sqs").list_queues().get("QueueUrls"), "queues are left")

    def _buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in self._aws("s3").list_buckets()["Buckets"]]

    def _versions(self) -> dict[str, str]:
        names = [name for name in self._resources() if name.endswith("Aliaslive")]
        functions = [name.removesuffix("Aliaslive") for name in names]
        return {name: self._configuration(name)["Version"] for name in functions}

    def _configuration(self, function: str) -> Any:
        name = self._resource(function)
        return self._aws("lambda").get_function_configuration(FunctionName=name, Qualifier="live")

    def _invoke(self, function: str, event: dict[str, Any]) -> Any:
        answer = self._aws("lambda").invoke(FunctionName=self._resource(function), Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        _require("FunctionError" not in answer, f"{function} failed: {payload}")
        return payload

    def _resources(self) -> dict[str, str]:
        listed = self._aws("cloudformation").describe_stack_resources(StackName=self.stack)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}

    def _resource(self, name: str) -> str:
        return self._resources()[name]

    def _output(self, name: str) -> str:
        told = self._aws("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]["Outputs"]
        return next(str(one["OutputValue"]) for one in told if one["OutputKey"] == name)

    def _aws(self, service: str) -> Any:
        return aws.client(service, self.url)


@contextmanager
def emulator(settings: Settings, base: str) -> Iterator[Rehearsal]:
    """AWS with a registry for its images, and the PostgreSQL and Redis that a user may bring. All end with the block;
    PartError when a part cannot run."""
    shutil.rmtree(settings.rottenbot_state, ignore_errors=True)
    state = settings.rottenbot_state
    processes = Processes(state)
    try:
        credentials = Credentials.load(state)
        docker.make_network(settings.network)
        processes.remove_containers(settings.network)
        registry, cloud = _registry(state), _cloud(settings)
        start(processes, [parts.postgres(settings, credentials), parts.redis(settings), registry, cloud], _no_report)
        _log_in(state / "docker")
        login = {"username": parts.POSTGRES_USER, "password": credentials.database_password}
        secret = aws.client("secretsmanager", cloud.address).create_secret(
            Name="postgres", SecretString=json.dumps(login)
        )
        parameters = {
            "BaseImage": base,
            "AwsEndpointUrl": cloud.address,
            "DatabaseHost": parts.host(settings),
            "DatabasePort": str(settings.rottenbot_postgres_port),
            "DatabaseName": "postgres",
            "DatabaseTls": "false",
            "DatabaseSecret": secret["ARN"],
            "RedisUrl": f"redis://{parts.host(settings)}:{settings.rottenbot_redis_port}",
            "ProvisionedConcurrency": "1",
            "WarmEnvironments": "2",
            "Page": "true",
            "AlarmEmail": "ada@example.com",
        }
        images = f"127.0.0.1:{registry.ports[0][1]}/rottenbot"
        yield Rehearsal(state, cloud.address, images, Stack(settings, credentials, processes).database(), parameters)
    finally:
        processes.stop()


def _cloud(settings: Settings) -> Part:
    host, (port,) = parts.host(settings), free(1)
    return Part(
        "AWS",
        [tool("rehearsal", "ministack")],
        [("", port)],
        environment=docker_variables()
        | {
            "BIND_HOST": host,
            "GATEWAY_PORT": str(port),
            "MINISTACK_HOST": host,
            "MINISTACK_REGION": aws.REGION,
            "DOCKER_NETWORK": settings.network,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        },
        host=host,
    )


def _registry(state: Path) -> Part:
    if not Path(REGISTRY).is_file():
        raise PartError(f"There is no {REGISTRY}; it is Debian's package docker-registry.")
    (port,) = free(1)
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(state / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    file = state / "registry.json"
    file.write_text(json.dumps(configuration))
    return Part("docker-registry", [REGISTRY, "serve", file], [("", port)])


def _log_in(folder: Path) -> None:
    # sam logs in to AWS's own registry first, which this spares it.
    folder.mkdir()
    name = f"https://{ACCOUNT}.dkr.ecr.{aws.REGION}.amazonaws.com"
    login = {"auths": {name: {"auth": base64.b64encode(b"AWS:any").decode()}}}
    (folder / "config.json").write_text(json.dumps(login))


def _last_line(ended: "subprocess.CompletedProcess[str]") -> str:
    lines = ended.stderr.strip().splitlines() or ["nothing was said"]
    return lines[-1].removeprefix("rottenbot: ")


def _require(true: object, otherwise: str) -> None:
    if not true:
        raise RehearsalError(otherwise)


def _no_report(_: str) -> None:
    pass


def main() -> int:
    end_with_parent()
    console = Console()
    table = Table("step", "s", "what was seen", box=SIMPLE)
    settings = replace(Settings.read(), rottenbot_functions="containers")
    settings = settings.on_free_ports(settings.rottenbot_state / "rehearsal")
    try:
        base = prepare_base(sys.argv[1])
        with emulator(settings, base) as rehearsal:
            for name in STEPS:
                console.print(f"{name} …")
                began = time.monotonic()
                seen = getattr(rehearsal, name.replace(" ", "_"))()
                table.add_row(name, f"{time.monotonic() - began:.1f}", seen)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    except (ApiError, DeploymentError, PartError, RehearsalError) as error:
        print(f"rottenbot: {error}", file=sys.stderr)
        return 1
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
