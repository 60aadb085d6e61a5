"""Fetching a published layer, from LocalStack's Lambda."""

import io
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deployment import collector
from deployment.stages import DeploymentError
from localstack.stack import Stack


@dataclass
class Functions:
    """LocalStack's Lambda, but for the signature in the layer's address, which LocalStack's S3 takes for a stranger's;
    `changed` is put into its answers."""

    stack: Stack
    changed: dict[str, str] = field(default_factory=dict)

    def get_layer_version_by_arn(self, **arguments: str) -> dict[str, Any]:
        content = self.stack.aws("lambda").get_layer_version_by_arn(**arguments)["Content"]
        bucket, _, key = urlsplit(content["Location"]).path.lstrip("/").partition("/")
        signed = self.stack.aws("s3").generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        return {"Content": content | {"Location": signed} | self.changed}


@pytest.fixture
def layer(stack: Stack) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("extensions/collector", "#!/bin/sh\n")
        files.writestr("collector-config/config.yaml", "receivers: {}\n")
    content = {"ZipFile": archive.getvalue()}
    published = stack.aws("lambda").publish_layer_version(LayerName="collector", Content=content)
    return str(published["LayerVersionArn"])


def test_a_layer_is_unpacked_and_can_be_run(stack: Stack, layer: str, tmp_path: Path) -> None:
    collector.fetch(Functions(stack), layer, tmp_path / "extension")
    program = tmp_path / "extension" / "extensions" / "collector"
    assert program.read_text() == "#!/bin/sh\n"
    assert os.access(program, os.X_OK)


def test_a_layer_that_is_there_is_not_fetched_again(stack: Stack, layer: str, tmp_path: Path) -> None:
    folder = tmp_path / "extension"
    collector.fetch(Functions(stack), layer, folder)
    (folder / collector.PROGRAM).write_text("changed")
    collector.fetch(Functions(stack), layer, folder)
    assert (folder / collector.PROGRAM).read_text() == "changed"


def test_a_layer_that_is_damaged_on_its_way_is_refused(stack: Stack, layer: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="was damaged on its way"):
        collector.fetch(Functions(stack, {"CodeSha256": "another"}), layer, tmp_path / "extension")
    assert not (tmp_path / "extension").exists()


def test_a_layer_that_may_not_be_read_is_said(stack: Stack, layer: str, tmp_path: Path) -> None:
    nowhere = f"{stack.aws('s3').meta.endpoint_url}/nowhere/layer"
    with pytest.raises(DeploymentError, match="could not be fetched: 4"):
        collector.fetch(Functions(stack, {"Location": nowhere}), layer, tmp_path / "extension")


def test_the_published_layer_is_named_for_region_and_architecture() -> None:
    assert collector.layer("eu-west-1", "arm64").startswith("arn:aws:lambda:eu-west-1:901920570463:layer:aws-otel-")
    assert "-arm64-" in collector.layer("eu-west-1", "arm64")
