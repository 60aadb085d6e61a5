"""How anything here speaks AWS's protocols to LocalStack, the gateway and the archive."""

from typing import Any, Final

REGION: Final = "eu-west-1"
ANY_KEY: Final = "test"  # LocalStack takes any


def variables(endpoint: str) -> dict[str, str]:
    """The environment by which any AWS client speaks to this endpoint."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ANY_KEY,
        "AWS_SECRET_ACCESS_KEY": ANY_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


def client(service: str, endpoint: str, key: str = ANY_KEY, secret: str = ANY_KEY, **options: Any) -> Any:
    """A client of one service at this endpoint."""
    import boto3

    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=REGION,
        **options,
    )


def queue_depths(sqs: Any) -> dict[str, int]:
    """The messages in each queue, waiting or being worked on, by the queue's name."""
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    depths = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=attributes)["Attributes"]
        depths[url.rpartition("/")[2]] = sum(int(found[name]) for name in attributes)
    return depths
