"""LocalStack forgets its objects when it ends; photos that were still on their way are kept over a restart.

Putting one back sets off its event again, and every step of the way can be repeated.
"""

import json
from pathlib import Path
from typing import Any

from localstack import aws
from rottenbot.photos import PhotoKey, user_to_forget


def keep(url: str, bucket: str, folder: Path) -> None:
    """Copy what is in the events bucket to a folder, and what comes meanwhile: uploads go past the gateway."""
    s3 = aws.client("s3", url)
    kept: set[tuple[str, str]] = set()
    while new := _listed(s3, bucket) - kept:
        for key, _ in new:
            _keep(s3.get_object(Bucket=bucket, Key=key), folder / key)
        kept |= new


def restore(url: str, bucket: str, folder: Path) -> None:
    """Put what was kept back into the events bucket."""
    s3 = aws.client("s3", url)
    for about in sorted(folder.rglob("*.json")):
        named = [about.with_suffix(""), *about.parent.glob(f"{about.stem}.*")]
        file = next(file for file in named if file != about and file.is_file())
        key = file.relative_to(folder).as_posix()
        s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes(), **json.loads(about.read_text()))
        about.unlink()
        file.unlink()


def _is_ours(key: str) -> bool:
    return PhotoKey.is_one(key) or user_to_forget(key) is not None


def _listed(s3: Any, bucket: str) -> set[tuple[str, str]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    listed = {(one["Key"], one["ETag"]) for page in pages for one in page.get("Contents", [])}
    return {(key, tag) for key, tag in listed if _is_ours(key)}


def _keep(stored: dict[str, Any], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(stored["Body"].read())
    about = {"ContentType": stored["ContentType"], "Metadata": stored["Metadata"]}
    part = file.with_name(f".{file.name}")
    part.write_text(json.dumps(about))
    part.rename(file.with_name(f"{file.name}.json"))  # last: it says that the photo is whole
