"""A client of the API, as the demo, the benchmark and the tests use it."""

import mimetypes
import time
import uuid
from pathlib import Path
from typing import Any

import requests

RECORDED_SECONDS = 60


class ApiError(RuntimeError):
    """The API answered with an error."""


class Client:
    """One person's way to the API: an account, its tokens, and a kept connection."""

    def __init__(self, url: str) -> None:
        self.api = f"{url}/api/v1"
        self.http = _session()
        self.store = _session()
        self.email = f"{uuid.uuid4().hex}@example.com"
        self.password = uuid.uuid4().hex
        self.user: dict[str, Any] = {}
        self.refresh_token = ""

    def join(self) -> "Client":
        """Create an account and log in."""
        names = {"first_name": "Ada", "last_name": "Baker"}
        self.user = self.call("POST", "/auth/signup", json={**names, **self.login})["user"]
        return self.log_in()

    def log_in(self) -> "Client":
        """Log in to the account."""
        tokens = self.call("POST", "/auth/login", json=self.login)
        self.http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        self.refresh_token = tokens["refresh_token"]
        return self

    @property
    def login(self) -> dict[str, str]:
        """What this account logs in with."""
        return {"email": self.email, "password": self.password}

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON of an answer. Raises ApiError for any status that is an error."""
        answer = self.http.request(method, self.api + path, **arguments)
        if not answer.ok:
            raise ApiError(f"{method} {path} answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    def predict(self, photo: Path, save: bool = False) -> Any:
        """Classify a photo in a request."""
        file = (photo.name, photo.read_bytes(), content_type(photo))
        return self.call("POST", "/inference/predict", params={"save_prediction": save}, files={"file": file})

    def upload(self, photo: Path) -> str:
        """Upload a photo straight to the store; returns the id that its prediction will have."""
        form = self.call("POST", "/inference/uploads", json={"content_type": content_type(photo)})
        answer = self.store.post(form["url"], data=form["fields"], files={"file": photo.read_bytes()}, timeout=60)
        if not answer.ok:
            raise ApiError(f"the store answered {answer.status_code}: {answer.text[:500]}")
        return str(form["prediction_uid"])

    def record(self, uid: str) -> Any:
        """The record of a saved photo; its status is `pending` while it is on its way."""
        return self.call("GET", f"/inference/predictions/{uid}")

    def wait_for(self, uid: str, seconds: float = RECORDED_SECONDS) -> Any:
        """The record of a saved photo, once it has one. Raises ApiError if it has none in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            record = self.record(uid)
            if record["status"] != "pending":
                return record
            time.sleep(0.05)
        raise ApiError(f"prediction {uid} was not recorded within {seconds} s")


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy, no login of a .netrc: everything is on this machine
    return session


def content_type(photo: Path) -> str:
    """The media type that goes with a file's name."""
    return mimetypes.guess_type(photo.name)[0] or "application/octet-stream"
