"""Users who send hostile requests beside each other, and look after each whether what they see is still their own:
`python -m tests.strangers --users 20 --seconds 60`."""

import argparse
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import requests

from localstack.client import Client
from localstack.settings import ROOT, Settings
from localstack.stack import running
from tests.hostile import Operation, operations

PHOTO = ROOT / "tests" / "photos" / "Banana__Healthy.jpg"
MAIN = ROOT / ".rottenbot" / "strangers"


class WrongAnswerError(AssertionError):
    """Somebody was answered with what is not theirs."""


@dataclass
class User:
    """Somebody with one saved photo, who knows what they should see."""

    client: Client
    photo: str
    answers: Counter[str] = field(default_factory=Counter)

    @classmethod
    def join(cls, url: str) -> "User":
        """A new account with a photo that is on record."""
        client = Client(url).join()
        uid = client.predict(PHOTO, save=True)["prediction_uid"]
        client.wait_for(uid)
        return cls(client, uid)

    def attack(self, operation: Operation, choose: random.Random) -> int:
        """Send a hostile request and return its status. Raises WrongAnswerError where it brings anything of others."""
        asked = operation.request(choose)
        answer = self.client.http.request(asked.pop("method"), self.client.api + asked.pop("path"), **asked)
        self.answers[str(answer.status_code)] += 1
        self._require_own(answer)
        return answer.status_code

    def look(self) -> None:
        """Ask for all that is one's own. Raises WrongAnswerError where that is not what comes."""
        self._require(self.client.call("GET", "/auth/me") == self.client.user, "/auth/me")
        for record in (
            self.client.call("GET", "/inference/predictions", params={"images": True})["predictions"][0],
            self.client.record(self.photo),
        ):
            own = f"/{self.client.user['uid']}/{self.photo}."
            self._require(record["uid"] == self.photo and own in record["image_url"], "/inference/predictions")
        counts = self.client.call("GET", "/inference/stats")["counts"]
        self._require(sum(day["healthy"] + day["rotten"] for day in counts) <= 1, "/inference/stats")
        self.answers["own"] += 4

    def refresh(self) -> None:
        """Replace the tokens. Raises WrongAnswerError where they are of somebody else."""
        headers = {"Authorization": f"Bearer {self.client.refresh_token}"}
        pair = requests.post(f"{self.client.api}/auth/refresh_token", headers=headers, timeout=30).json()
        claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
        self._require(claims["user"]["user_uid"] == self.client.user["uid"], "/auth/refresh_token")
        self.client.http.headers["Authorization"] = f"Bearer {pair['access_token']}"
        self.client.refresh_token = pair["refresh_token"]
        self.answers["own"] += 1

    def _require_own(self, answer: requests.Response) -> None:
        self._require(answer.status_code != 204, answer.url)  # what was there to delete was nobody's or another's
        if answer.ok and answer.headers.get("Content-Type", "").startswith("application/json"):
            found = set(_uids(answer.json()))
            self._require(found <= {self.photo, self.client.user["uid"]}, answer.url)

    def _require(self, own: bool, path: str) -> None:
        if not own:
            raise WrongAnswerError(f"{path} brought {self.client.email} what is not theirs")


def attack_together(url: str, users: int, seconds: float, seed: int = 1) -> tuple[Counter[str], list[str]]:
    """Let so many users attack and look for so long. Returns the answers counted by status, or as `own`, and what was
    wrong of them."""
    known, wrong = operations(), list[str]()
    joined = [User.join(url) for _ in range(users)]
    deadline = time.monotonic() + seconds

    def work(user: User, choose: random.Random) -> None:
        while time.monotonic() < deadline:
            try:
                user.attack(choose.choice(known), choose)
                user.look()
                if choose.random() < 0.02:
                    user.refresh()
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")

    threads = [
        threading.Thread(target=work, args=(user, random.Random(seed * 1000 + index)))
        for index, user in enumerate(joined)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum((user.answers for user in joined), Counter[str]()), wrong


def _uids(document: Any) -> list[str]:
    if isinstance(document, list):
        return [uid for one in document for uid in _uids(one)]
    if isinstance(document, dict):
        own = [document["uid"]] if isinstance(document.get("uid"), str) else []
        return own + [uid for one in document.values() for uid in _uids(one)]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.strangers", description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    with running(Settings.read().on_free_ports(Path(MAIN)), print, fresh=True) as stack:
        answers, wrong = attack_together(stack.url, arguments.users, arguments.seconds)
    print(f"{answers.total()} answers, of which {answers['own']} were looked at; {len(wrong)} wrong.")
    print(", ".join(f"{status}: {count}" for status, count in sorted(answers.items())))
    for line, count in Counter(line[:200] for line in wrong).most_common(10):
        print(f"{count} x {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
