"""Two S3 buckets: the events bucket, whose uploads set things off, and the archive, which may live on MinIO.

boto3 is heavy to import, so the clients are made when first needed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from rottenbot import aws, secrets, settings, telemetry
from rottenbot.aws import errors_mapped
from rottenbot.pairing import require_same

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

UNREACHABLE = "The photo store cannot be reached right now. Please try again later."


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes with what is kept beside them."""

    data: bytes
    content_type: str
    metadata: dict[str, str]


@dataclass(frozen=True)
class Bucket:
    """A bucket; every call raises UnavailableError when the store does not answer."""

    name: str
    client: "S3Client"

    def put(self, key: str, stored: StoredObject) -> None:
        """Write an object, replacing any at this key."""
        with self._call("PutObject"):
            self.client.put_object(
                Bucket=self.name,
                Key=key,
                Body=stored.data,
                ContentType=stored.content_type,
                Metadata=stored.metadata,
            )

    def get(self, key: str, version: str | None = None) -> StoredObject:
        """Read an object, or one version of it. Raises MissingObjectError when there is none."""
        with self._call("GetObject"):
            answer = self.client.get_object(Bucket=self.name, Key=key, **_version(version))
            if version:
                require_same("s3", version, answer.get("VersionId"))
            return StoredObject(answer["Body"].read(), answer["ContentType"], answer["Metadata"])

    def delete(self, key: str, version: str | None = None) -> None:
        """Remove an object, or one version of it for good; no error when it is gone already."""
        with self._call("DeleteObject"):
            self.client.delete_object(Bucket=self.name, Key=key, **_version(version))

    def delete_all(self, prefix: str) -> None:
        """Remove every version of every object whose key begins so, for good; no error when there is none."""
        with self._call("ListObjectVersions"):
            pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix)
            found = [(page.get("Versions", []), page.get("DeleteMarkers", [])) for page in pages]
        for versions, markers in found:
            for key, version in [(one["Key"], one["VersionId"]) for one in (*versions, *markers)]:
                require_same("s3", prefix, key[: len(prefix)])
                self.delete(key, version)

    @contextmanager
    def _call(self, operation: str) -> Iterator[None]:
        described = {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": operation, "aws.s3.bucket": self.name}
        with errors_mapped(UNREACHABLE), telemetry.span(f"s3 {operation}", described, "client"):
            yield

    def keys(self, prefix: str) -> list[str]:
        """The first keys that begin so, in their order; up to ten."""
        with errors_mapped(UNREACHABLE):
            answer = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix, MaxKeys=10)
        require_same("s3", prefix, answer["Prefix"])
        return [found["Key"] for found in answer.get("Contents", [])]

    def check(self) -> None:
        """One exchange with the store. Raises UnavailableError, also when there is no such bucket.

        The store may refuse to list: not every function may do that, and a refusal is an answer.
        """
        with errors_mapped(UNREACHABLE):
            try:
                self.client.list_objects_v2(Bucket=self.name, MaxKeys=1)
            except self.client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "AccessDenied":
                    raise

    def presigned_get(self, key: str, expires: int) -> str:
        """An address from which anyone who holds it can read the object for `expires` seconds."""
        with errors_mapped(UNREACHABLE):
            return self.client.generate_presigned_url(
                "get_object", Params={"Bucket": self.name, "Key": key}, ExpiresIn=expires
            )

    def presigned_post(self, key: str, content_type: str, max_bytes: int, expires: int) -> dict[str, Any]:
        """A form (`url`, `fields`) that lets its holder upload this one key, of this type, up to `max_bytes`."""
        with errors_mapped(UNREACHABLE):
            return self.client.generate_presigned_post(
                self.name,
                key,
                Fields={"Content-Type": content_type, "success_action_status": "201"},
                Conditions=[
                    {"Content-Type": content_type},
                    {"success_action_status": "201"},
                    ["content-length-range", 1, max_bytes],
                ],
                ExpiresIn=expires,
            )


@cache
def events() -> Bucket:
    """The bucket that photos enter by."""
    config = settings.events()
    return Bucket(config.events_bucket, _client(config.aws_endpoint_url, {}))


@cache
def archive() -> Bucket:
    """The bucket that photos are kept in."""
    config = settings.archive()
    login = secrets.read(config.archive_secret) if config.archive_secret else {}
    return Bucket(config.archive_bucket, _client(config.archive_endpoint_url, login))


def _client(endpoint: str | None, login: dict[str, str]) -> "S3Client":
    from botocore.config import Config

    return aws.session().client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=login.get("access_key"),
        aws_secret_access_key=login.get("secret_key"),
        config=Config(
            signature_version="s3v4",
            # By the region's own host name, which is also the one that CloudFront asks.
            s3={"addressing_style": "path" if endpoint else "virtual", "us_east_1_regional_endpoint": "regional"},
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 2},
        ),
    )


def _version(version: str | None) -> Any:
    return {"VersionId": version} if version else {}
