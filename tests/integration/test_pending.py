"""What is in the events bucket when the stack ends is there again when it starts."""

import uuid
from pathlib import Path
from typing import Any

from localstack import parts, pending
from localstack.stack import Stack


def contents(s3: Any, bucket: str) -> dict[str, tuple[bytes, str, dict[str, str]]]:
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    found = {key: s3.get_object(Bucket=bucket, Key=key) for key in keys}
    return {key: (one["Body"].read(), one["ContentType"], one["Metadata"]) for key, one in found.items()}


def test_photos_and_the_word_to_forget_a_user_are_kept_and_put_back(stack: Stack, tmp_path: Path) -> None:
    s3, bucket, url = stack.aws("s3"), f"kept-{uuid.uuid4()}", parts.localstack_url(stack.settings)
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    user = uuid.uuid4()
    for key in (f"uploads/{user}/{uuid.uuid4()}.jpg", f"classified/{user}/{uuid.uuid4()}.webp", f"forget/{user}"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), ContentType="image/jpeg", Metadata={"of": "me"})
    before = contents(s3, bucket)
    assert len(before) == 3

    pending.keep(url, bucket, tmp_path)
    pending.keep(url, bucket, tmp_path)  # a second end, without a start that came as far as putting them back
    for key in before:
        s3.delete_object(Bucket=bucket, Key=key)
    pending.restore(url, bucket, tmp_path)
    assert contents(s3, bucket) == before
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
