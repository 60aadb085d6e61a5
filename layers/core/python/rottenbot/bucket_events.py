"""S3 events that arrive through an SQS queue: unpacked, one object at a time, with failures reported per message."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from rottenbot import environment, telemetry
from rottenbot.logs import logger


@dataclass(frozen=True)
class CreatedObject:
    """An object that entered the events bucket, and when; `version` is None where the bucket keeps no versions."""

    key: str
    version: str | None
    time: datetime

    @contextmanager
    def continued(self, metadata: dict[str, str], name: str) -> Iterator[None]:
        """A span of this name around the work on the object, in the trace that its metadata tell of."""
        waited = (datetime.now(UTC) - self.time).total_seconds()
        described = {"messaging.system": "aws_sqs", "messaging.operation.type": "process"}
        with telemetry.continued(metadata, int(self.time.timestamp() * 1e9)):
            telemetry.record("queue_age", waited * 1000, {"work": name})
            with telemetry.span(name, described, "consumer"):
                logger.append_keys(**telemetry.trace_ids())
                yield


def handler(process: Callable[[CreatedObject], None]) -> Callable[[dict[str, Any], LambdaContext], Any]:
    """The Lambda handler that calls `process` for every object of a batch.

    A message whose object fails is reported back alone, so the queue brings it again and, in the end, to its
    dead-letter queue; the other messages of the batch are done.
    """
    telemetry.start()
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    def each_message(record: SQSRecord) -> None:
        try:
            for created in _created_objects(record.json_body):
                process(created)
        except Exception:
            logger.exception("message failed", message_id=record.message_id)
            telemetry.count("messages_failed", {"attempt": record.attributes.approximate_receive_count})
            raise

    @logger.inject_lambda_context(clear_state=True)
    def handle(event: dict[str, Any], context: LambdaContext) -> Any:
        first = environment.enter()
        if "warmup" in event:
            return {"environment": environment.IDENTITY, "started": first}
        try:
            return process_partial_response(event, each_message, processor, context)
        finally:
            telemetry.flush()

    return handle


def _created_objects(message: dict[str, Any]) -> Iterator[CreatedObject]:
    for record in message.get("Records", []):  # S3's own test message has none
        created = record["s3"]["object"]
        time = datetime.fromisoformat(record["eventTime"])
        yield CreatedObject(unquote_plus(created["key"]), created.get("versionId"), time)
