"""LocalStack forgets its objects when it ends; photos that were still on their way are kept over a restart.

Putting one back sets off its event again, and every step of the way can be repeated.
"""

import json
from pathlib import Path

from localstack import aws
from rottenbot.photos import PhotoKey, user_to_forget


def keep(url: str, bucket: str, folder: Path) -> None:
    """Copy what is in the events bucket to a folder."""
    s3 = aws.client("s3", url)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for listed in page.get("Contents", []):
            stored = s3.get_object(Bucket=bucket, Key=listed["Key"])
            if not _is_ours(listed["Key"]):
                continue
            file = folder / listed["Key"]
            file.parent.mkdir(parents=True, exist_ok=True)
            about = {"ContentType": stored["ContentType"], "Metadata": stored["Metadata"]}
            file.write_bytes(stored["Body"].read())
            file.with_name(f"{file.name}.json").write_text(json.dumps(about))  # last: it says that the photo is whole


def restore(url: str, bucket: str, folder: Path) -> None:
    """Put what was kept back into the events bucket."""
    s3 = aws.client("s3", url)
    for about in sorted(folder.rglob("*.json")):
        file = about.with_suffix("")
        key = file.relative_to(folder).as_posix()
        s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes(), **json.loads(about.read_text()))
        about.unlink()
        file.unlink()


def _is_ours(key: str) -> bool:
    return PhotoKey.is_one(key) or user_to_forget(key) is not None
