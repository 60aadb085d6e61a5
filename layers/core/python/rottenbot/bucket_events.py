"""S3 events that arrive through an SQS queue: unpacked, one object at a time, with failures reported per message."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from rottenbot import environment, telemetry
from rottenbot.logs import logger
from rottenbot.photos import Arrival, ForeignKeyError


class ForeignMessageError(ValueError):
    """A message that S3 did not send."""


class _Object(BaseModel):
    key: str
    version: Annotated[str | None, Field(alias="versionId")] = None


class _Stored(BaseModel):
    object: _Object


class _Created(BaseModel):
    time: Annotated[Arrival, Field(alias="eventTime")]
    s3: _Stored


class _Notification(BaseModel):
    created: Annotated[list[_Created], Field(alias="Records")]


class _Test(BaseModel):
    """What S3 sends when a bucket is told of a queue."""

    event: Annotated[Literal["s3:TestEvent"], Field(alias="Event")]


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


def handler(
    process: Callable[[CreatedObject], None], of_dead_letters: bool = False
) -> Callable[[dict[str, Any], LambdaContext], Any]:
    """The Lambda handler that calls `process` for every object of a batch.

    A message whose object fails is reported back alone, so the queue brings it again and, in the end, to its
    dead-letter queue (whose messages are those of a handler `of_dead_letters`); the others of the batch are done. What
    trying again could not change is set aside at once, with a log line: a message that is no notification of S3, or
    tells of an object whose key is none of ours, which stays where it is.
    """
    telemetry.start()
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)

    def each_message(record: SQSRecord) -> None:
        try:
            with _set_aside(record, ForeignMessageError):
                for created in _created_objects(record.body):
                    with _set_aside(record, ForeignKeyError):
                        process(created)
        except Exception:
            logger.exception("message failed", message_id=record.message_id)
            attempt = record.attributes.approximate_receive_count
            telemetry.count("messages_failed", {"attempt": attempt, "dead": of_dead_letters})
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


@contextmanager
def _set_aside(record: SQSRecord, foreign: type[Exception]) -> Iterator[None]:
    try:
        yield
    except foreign:
        logger.warning("message set aside", message_id=record.message_id, exc_info=True)
        telemetry.count("messages_set_aside")


def _created_objects(message: str) -> list[CreatedObject]:
    try:
        told: _Notification | _Test = TypeAdapter(_Notification | _Test).validate_json(message)
    except ValidationError as error:
        raise ForeignMessageError("not a notification of S3") from error
    return [
        CreatedObject(unquote_plus(record.s3.object.key), record.s3.object.version, record.time)
        for record in (told.created if isinstance(told, _Notification) else ())
    ]
