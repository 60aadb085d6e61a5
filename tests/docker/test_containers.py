"""The images on a real engine: `sam local start-api` and `start-lambda` in the place of the function processes."""

import json
import subprocess
from pathlib import Path

import pytest
import requests

from localstack.client import Client
from localstack.docker import docker
from localstack.settings import ROOT, tool
from localstack.stack import Stack, running

EVENTS = sorted((ROOT / "tests" / "events").glob("*.json"))


def test_functions_run_in_containers(stack: Stack) -> None:
    images = docker("ps", f"--filter=network={stack.settings.network}", "--format={{.Image}}").split()
    assert {image.split(":")[0] for image in images} == {"migratefunction", "predictfunction", "archiveeventsfunction"}


def test_a_photo_is_classified_and_saved(client: Client, photo: Path) -> None:
    answer = client.predict(photo, save=True)
    record = client.wait_for(answer["prediction_uid"])
    assert answer["predicted_class_name"] == record["predicted_class_name"] == photo.stem
    assert requests.get(record["image_url"], timeout=10).content == photo.read_bytes()


def test_an_upload_is_classified_and_recorded(client: Client, photo: Path) -> None:
    record = client.wait_for(client.upload(photo))
    assert (record["status"], record["predicted_class_name"]) == ("recorded", photo.stem)


def test_logging_out_ends_the_token_in_every_container(client: Client) -> None:
    client.call("POST", "/auth/logout")
    assert client.http.get(f"{client.api}/inference/predictions").status_code == 401


@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_every_event_can_be_sent_by_hand(stack: Stack, event: Path) -> None:
    variables = stack.settings.rottenbot_state / "containers" / "variables.json"
    command: list[str | Path] = [tool("sam", "sam"), "local", "invoke", event.stem, "--event", event]
    command += ["--config-env", "local", "--env-vars", variables]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    answer = json.loads(ended.stdout.strip().splitlines()[-1])
    expected = {"AuthFunction": 401, "ArchiveFunction": 401, "PredictFunction": 200}
    if event.stem in expected:
        assert answer["statusCode"] == expected[event.stem]
    elif event.stem == "MigrateFunction":
        assert answer["Revision"]
    else:
        assert answer == {"batchItemFailures": []}


def test_no_container_is_left(stack: Stack, tmp_path: Path) -> None:
    settings = stack.settings.on_free_ports(tmp_path)
    with running(settings, print):
        assert docker("network", "ls", "--quiet", f"--filter=name={settings.network}")
    assert not docker("network", "ls", "--quiet", f"--filter=name={settings.network}")
    assert not docker("ps", "--quiet", f"--filter=network={settings.network}")
