"""How anything here speaks AWS's protocols to LocalStack, the gateway and the archive."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import boto3

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
    """A client of one service at this endpoint, whatever this process's environment says of AWS and of proxies."""
    from botocore.config import Config

    return _session().client(
        service,  # type: ignore[call-overload]
        endpoint_url=endpoint,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=REGION,
        config=Config(proxies={}, **options),
    )


@cache
def _session() -> "boto3.Session":
    import boto3
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
    from botocore.session import Session

    # Every variable at its default: neither from the environment nor from a file.
    own = {
        name: (None, None, default, conversion)
        for name, (_, _, default, conversion) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    own["config_file"] = own["credentials_file"] = (None, None, os.devnull, None)
    return boto3.Session(botocore_session=Session(session_vars=own))


def queue_depths(sqs: Any) -> dict[str, int]:
    """The messages in each queue, waiting or being worked on, by the queue's name."""
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    depths = {}
    for url in sqs.list_queues().get("QueueUrls", []):
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=attributes)["Attributes"]
        depths[url.rpartition("/")[2]] = sum(int(found[name]) for name in attributes)
    return depths
