"""The page in web/, as it is copied to the bucket that CloudFront serves it from."""

import mimetypes
from typing import Any, Final

from localstack.settings import ROOT

WEB: Final = ROOT / "web"
# Browsers and CloudFront ask each time whether a file has changed, so that a page is never made of two versions.
CACHE_CONTROL: Final = "no-cache"
mimetypes.add_type("application/manifest+json", ".webmanifest")


def publish(s3: Any, bucket: str) -> int:
    """Make a bucket hold the page and nothing else. Returns the number of files."""
    files = {str(file.relative_to(WEB)): file for file in sorted(WEB.rglob("*")) if file.is_file()}
    for key, file in sorted(files.items(), key=lambda one: one[0] == "index.html"):  # which names the others, so last
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes(), ContentType=kind, CacheControl=CACHE_CONTROL)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            if found["Key"] not in files:
                s3.delete_object(Bucket=bucket, Key=found["Key"])
    return len(files)
