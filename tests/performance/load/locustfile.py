"""What locust does, in its own environment: sends photos, and prints a line of JSON for every answer."""

import itertools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

from gevent import sleep, spawn
from locust import FastHttpUser, constant, events, task

PLAN = json.loads(os.environ["LOAD_PLAN"])
PHOTOS = [(Path(path).name, Path(path).read_bytes()) for path in PLAN["photos"]]
tokens = itertools.cycle(PLAN["tokens"])
chance = random.Random(1)


class Sender(FastHttpUser):  # type: ignore[misc]  # locust is not in the environment that is checked
    """One client; or all of them, where requests come at a rate, evenly, whether or not those before are answered."""

    wait_time = constant(0)
    concurrency = 1000
    connection_timeout = network_timeout = 30.0

    @task  # type: ignore[untyped-decorator]
    def send(self) -> None:
        if not PLAN["rate"]:
            self.predict(time.perf_counter())
            return
        for due in itertools.count(time.perf_counter(), 1 / PLAN["rate"]):
            sleep(max(0.0, due - time.perf_counter()))
            spawn(self.predict, due)

    def predict(self, due: float) -> None:
        saved = str(chance.random() < PLAN["saved"]).lower()
        with self.client.post(
            f"/api/v1/inference/predict?save_prediction={saved}",
            files={"file": (*chance.choice(PHOTOS), "image/jpeg")},
            headers={"Authorization": next(tokens)},
            name="/predict",
            catch_response=True,
        ) as answer:
            # From when the request was due: one that had to wait for the sender is not faster for that.
            answer.request_meta["response_time"] = (time.perf_counter() - due) * 1000
            uid = answer.json()["prediction_uid"] if answer.status_code == 200 else None
            answer.request_meta["context"] = {"uid": uid}


@events.request.add_listener  # type: ignore[untyped-decorator]
def report(response_time: float, context: dict[str, Any], exception: Exception | None, **_: Any) -> None:
    line = {"at": time.time(), "ms": response_time, "error": str(exception) if exception else None, **context}
    try:
        print(json.dumps(line), flush=True)
    except BrokenPipeError:  # nobody is there any more
        os._exit(1)
