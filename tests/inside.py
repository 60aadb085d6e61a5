"""What lies in the stores and queues of a stack, past the API."""

from typing import Any

from localstack import parts
from localstack.stack import Stack


def waiting(stack: Stack, uid: str) -> list[str]:
    """The keys in the events bucket that name a photo or a user."""
    return _keys(stack.aws("s3"), stack.resource("EventsBucket"), uid)


def archived(stack: Stack, uid: str) -> list[str]:
    """The keys in the archive that name a photo or a user."""
    return _keys(stack.archive(), parts.ARCHIVE_BUCKET, uid)


def messages(stack: Stack, address: str) -> int:
    """How many messages of a queue can be received."""
    name = "ApproximateNumberOfMessages"
    answer = stack.aws("sqs").get_queue_attributes(QueueUrl=address, AttributeNames=[name])
    return int(answer["Attributes"][name])


def _keys(store: Any, bucket: str, uid: str) -> list[str]:
    return [found["Key"] for found in store.list_objects_v2(Bucket=bucket).get("Contents", []) if uid in found["Key"]]
