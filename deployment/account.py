"""Whether AWS can be deployed to from here, asked before anything is built or made."""

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError, ProfileNotFound

from deployment.stages import DeploymentError


def check(region: str) -> str:
    """The account that the credentials of this shell belong to. Raises DeploymentError when there is none, or when
    there is no such region for it."""
    try:
        session = boto3.Session(region_name=region)
    except ProfileNotFound as error:
        raise DeploymentError(f"{error}. AWS_PROFILE names one of ~/.aws/config.") from None
    partitions = session.get_available_partitions()
    regions = {name for partition in partitions for name in session.get_available_regions("lambda", partition)}
    if region not in regions:
        raise DeploymentError(f"There is no region {region!r} with Lambda; eu-west-1 is one.")
    try:
        return str(session.client("sts").get_caller_identity()["Account"])
    except (NoCredentialsError, PartialCredentialsError):
        raise DeploymentError("There are no AWS credentials; log in with `aws sso login` or set AWS_PROFILE.") from None
    except ClientError as error:
        message = error.response["Error"]["Message"]
        raise DeploymentError(f"AWS does not take these credentials in {region}: {message}") from None
    except BotoCoreError as error:
        raise DeploymentError(f"AWS cannot be asked who you are in {region}: {error}") from None
