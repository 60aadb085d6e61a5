"""Everything that people and accidents do to the system, so that no metric, span or log line stays unseen."""

import io
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import jwt
import numpy as np
import psutil
import redis
import requests
from PIL import Image

from localstack.client import ApiError, Client
from localstack.stack import Stack
from tests.observability.conftest import Collector
from tests.outage import giving_up_at_once, paused, without

Eventually = Callable[..., None]
NO_TOKEN: Final = {"Authorization": "Bearer nonsense"}


def everyday(user: Client, photos: list[Path], folder: Path) -> None:
    """Photos classified, saved, uploaded, read back; some that are none; log-ins that fail, tokens that are wrong."""
    for index, photo in enumerate(photos):
        uid = user.predict(photo, save=index % 3 == 0)["prediction_uid"]
        if uid:
            user.wait_for(uid)
    user.predict(_noise(folder))
    user.wait_for(user.upload(photos[0]))
    user.wait_for(user.upload(_no_photo(folder)))
    user.call("GET", "/inference/predictions")
    user.call("GET", "/auth/me")
    api = user.api
    file = {"file": ("a.jpg", b"no photo", "image/jpeg")}
    requests.post(f"{api}/auth/login", json={"email": user.email, "password": "wrong password"})
    requests.post(f"{api}/inference/predict", files=file, headers=NO_TOKEN)
    user.http.post(f"{api}/inference/predict", files=file)


def accidents(stack: Stack, user: Client, collector: Collector, photo: Path, eventually: Eventually) -> None:
    """Redis and the archive away for a while, a function's process killed, a collector that hangs."""
    collector.delay = 1
    user.call("GET", "/auth/me")
    collector.delay = 0
    with without(stack, "Redis"):
        for path in ("/auth/me", "/inference/predictions"):
            assert user.http.get(user.api + path).status_code == 503
        _unanswered(user, photo)
    queue = stack.resource("ClassifiedQueue")
    stack.aws("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})
    with without(stack, "Archive"):
        user.predict(photo, save=True)
        eventually(lambda: _failed_for_good(collector), 60)
    _give_up(stack, user, photo, eventually)
    stack.aws("s3").put_object(Bucket=stack.resource("EventsBucket"), Key="uploads/of-somebody-else", Body=b"")
    _mix_up_a_session(stack, Client(stack.url).join())
    _kill_a_function(stack, "functions.predict.api.handler")
    eventually(lambda: _answered(user, photo))
    collector.trace({"forget_user"}, of=lambda: _leave(Client(stack.url).join()))
    eventually(lambda: user.call("GET", "/auth/me") and "telemetry_dropped" in collector.metrics())


def _failed_for_good(collector: Collector) -> bool:
    failures = [series for series in collector.series if series.name == "messages_failed"]
    return any(series.attributes["dead"] for series in failures)


def _give_up(stack: Stack, user: Client, photo: Path, eventually: Eventually) -> None:
    """A photo that is received from its queue in vain, until the queue itself puts it among the dead letters."""
    queue = stack.resource("UploadsQueue")
    with paused(stack, "PredictEventsFunction"), giving_up_at_once(stack, "UploadsQueue"):
        uid = user.upload(photo)

        def is_given_up() -> bool:
            stack.aws("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
            return bool(user.record(uid)["status"] != "pending")

        eventually(is_given_up)


def _mix_up_a_session(stack: Stack, user: Client) -> None:
    """A log-in that Redis says is of somebody else."""
    token = str(user.http.headers["Authorization"]).removeprefix("Bearer ")
    family = jwt.decode(token, options={"verify_signature": False})["family"]
    with redis.Redis(port=stack.settings.rottenbot_redis_port) as store:
        store.hset(f"session:{family}", "user", str(uuid.uuid4()))
    assert user.http.get(f"{user.api}/auth/me").status_code == 503


def _unanswered(user: Client, photo: Path) -> None:
    file = {"file": (photo.name, photo.read_bytes(), "image/jpeg")}
    assert user.http.post(f"{user.api}/inference/predict", files=file).status_code == 503


def _leave(user: Client) -> None:
    assert user.http.delete(f"{user.api}/auth/me").status_code == 204


def _answered(user: Client, photo: Path) -> bool:
    try:
        return bool(user.predict(photo))
    except ApiError:
        return False


def _kill_a_function(stack: Stack, handler: str) -> None:
    for process in psutil.Process(stack.processes.started["Gateway"].pid).children(recursive=True):
        if handler in process.cmdline():
            process.kill()


def _noise(folder: Path) -> Path:
    """A picture of nothing."""
    file = folder / "noise.jpg"
    output = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (256, 256, 3), np.uint8)).save(output, "JPEG")
    file.write_bytes(output.getvalue())
    return file


def _no_photo(folder: Path) -> Path:
    file = folder / "broken.jpg"
    file.write_bytes(b"\xff\xd8 no photo " + str(time.time()).encode())
    return file
