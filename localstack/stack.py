"""The whole system on one machine: every part started, template.yaml deployed, the database migrated."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from localstack import aws, docker, parts, pending, status
from localstack.credentials import Credentials
from localstack.processes import Part, PartError, Processes
from localstack.settings import Settings

Report = Callable[[str], None]
Observer = Literal["none", "status", "grafana"]


@dataclass(frozen=True)
class Stack:
    """A running stack, and how to reach it."""

    settings: Settings
    credentials: Credentials
    processes: Processes

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://{self.settings.rottenbot_host}:{self.settings.rottenbot_port}"

    @property
    def status_page(self) -> str:
        """The address of the page about the last minutes; `sam local` serves nothing beside the API."""
        server = parts.status_url(self.settings) if self.settings.rottenbot_functions == "containers" else self.url
        return server + status.PATH

    def aws(self, service: str) -> Any:
        """A client of LocalStack."""
        return aws.client(service, parts.localstack_url(self.settings))

    def archive(self) -> Any:
        """An S3 client of the archive."""
        keys = self.credentials.archive_access_key, self.credentials.archive_secret_key
        return aws.client("s3", parts.archive_url(self.settings), *keys)

    def make_archive(self) -> None:
        """See to it that the archive has its bucket."""
        store = self.archive()
        if not any(bucket["Name"] == parts.ARCHIVE_BUCKET for bucket in store.list_buckets()["Buckets"]):
            store.create_bucket(Bucket=parts.ARCHIVE_BUCKET)

    def variables(self, function: str) -> dict[str, str]:
        """The environment variables of a deployed function."""
        configuration = self.aws("lambda").get_function_configuration(FunctionName=self.resource(function))
        return dict(configuration["Environment"]["Variables"])

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Call a function as AWS would, and return its answer. Raises PartError if it fails."""
        endpoint = f"http://{parts.lambda_host(self.settings)}:{self.settings.rottenbot_lambda_port}"
        client = aws.client("lambda", endpoint, read_timeout=300, retries={"total_max_attempts": 1})
        answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise PartError(f"{function} failed: {payload['errorMessage']} See {self.processes.log('Gateway')}")
        return payload

    def fill(self) -> None:
        """Make whole what the servers hold: the archive's bucket, the schema, the photos that were on their way. What
        comes from now on is kept when the stack ends. Raises PartError."""
        try:
            self.make_archive()
            self.invoke("MigrateFunction", {})
            url, bucket = parts.localstack_url(self.settings), self.resource("EventsBucket")
            kept = self.settings.rottenbot_state / "pending"
            self.processes.keep_photos(url, bucket, kept)
            pending.restore(url, bucket, kept)
        except (BotoCoreError, ClientError) as error:
            for name in self.processes.started:
                self.processes.check(name)
            raise PartError(f"What the stack starts with cannot be put into it: {error}") from error

    def resource(self, name: str) -> str:
        """What a resource of template.yaml is called in LocalStack: a bucket's name, a queue's address."""
        answer = self.aws("cloudformation").describe_stack_resource(StackName="rottenbot", LogicalResourceId=name)
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def database(self) -> dict[str, Any]:
        """What pg8000 needs to connect to PostgreSQL."""
        return {
            "user": parts.POSTGRES_USER,
            "password": self.credentials.database_password,
            "host": parts.host(self.settings),
            "port": self.settings.rottenbot_postgres_port,
            "database": "postgres",
        }


@contextmanager
def running(
    settings: Settings,
    report: Report,
    access_log: IO[bytes] | None = None,
    fresh: bool = False,
    observer: Observer = "none",
) -> Iterator[Stack]:
    """Start everything, with `fresh` on an empty state folder, and end everything when the block is left. An observer,
    the page about the last minutes or Grafana in containers, gets the functions' telemetry. The API's port opens last.

    Raises PartError when a part cannot run.
    """
    state = settings.rottenbot_state
    if observer != "none":
        url = parts.status_url(settings) if observer == "status" else parts.collector_url(settings)
        settings = replace(settings, otel_exporter_otlp_endpoint=url)
    processes = Processes(state)
    try:
        if fresh:
            _empty(state)
        credentials = Credentials.load(state)
        stack = Stack(settings, credentials, processes)
        if settings.in_docker:
            docker.make_network(settings.network)
            processes.remove_containers(settings.network)
        servers, gateway = _servers(settings, credentials, observer), parts.gateway(settings, credentials, access_log)
        began = time.monotonic()
        start(processes, [*servers, gateway], report)
        stack.fill()
        processes.open(gateway.name)
        _wait(processes, [replace(gateway.opened, host=settings.rottenbot_host)], report, began)
        yield stack
    finally:
        processes.stop()


def start(processes: Processes, wanted: Sequence[Part], report: Report) -> None:
    """Start parts and return when all answer, but for the public port of one that has such. Raises PartError when one
    cannot run."""
    began = time.monotonic()
    for part in wanted:
        processes.start(part)
    _wait(processes, wanted, report, began)


def _wait(processes: Processes, wanted: Sequence[Part], report: Report, began: float) -> None:
    waiting, asked = list(wanted), time.monotonic()
    while waiting:
        for part in list(waiting):
            if processes.ready(part, time.monotonic() - asked):
                waiting.remove(part)
                if not part.public:
                    report(f"{part.name:<11} {part.address:<30} ready after {time.monotonic() - began:.1f} s")
        time.sleep(0.02)


def _servers(settings: Settings, credentials: Credentials, observer: Observer) -> list[Part]:
    observers = []
    if observer == "status":
        observers = [parts.status(settings)]
    if observer == "grafana":
        observers = [parts.observability(settings, credentials)]
    if settings.rottenbot_servers == "compose":
        return [parts.compose(settings, credentials), *observers]
    return [
        parts.localstack(settings),
        parts.archive(settings, credentials),
        parts.postgres(settings, credentials),
        parts.redis(settings),
        *observers,
    ]


def _empty(state: Path) -> None:
    for path in state.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
