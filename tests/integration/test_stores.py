"""The functions' code against the real stores, called directly."""

import json
import secrets
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from localstack.settings import ROOT, tool
from localstack.stack import Stack

pytestmark = pytest.mark.usefixtures("deployed")


def test_the_same_work_is_done_for_known_and_unknown_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    import argon2

    from functions.auth import service
    from functions.auth.models import LogIn, SignUp

    email, password = f"{uuid.uuid4().hex}@example.com", secrets.token_hex(8)
    service.sign_up(SignUp(first_name="A", last_name="B", email=email, password=password), "192.0.2.1")
    work: list[argon2.Parameters] = []
    verify = argon2.PasswordHasher.verify

    def counted(self: argon2.PasswordHasher, password_hash: str, given: str) -> bool:
        work.append(argon2.extract_parameters(password_hash))
        return bool(verify(self, password_hash, given))

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    for request in (LogIn(email=email, password="wrong"), LogIn(email="no@example.com", password="wrong")):
        with pytest.raises(service.InvalidCredentialsError):
            service.log_in(request, "192.0.2.1")
    known, unknown = work
    assert known == unknown
    assert (known.memory_cost, known.time_cost, known.parallelism) == (19 * 1024, 2, 1)


def test_an_address_that_tries_too_much_has_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.auth import service
    from functions.auth.models import LogIn
    from rottenbot import settings

    monkeypatch.setattr(settings, "attempts", lambda: settings.Attempts(attempts_per_address=3))
    address = f"192.0.2.{secrets.randbelow(250)}-{uuid.uuid4()}"
    for _ in range(3):
        with pytest.raises(service.InvalidCredentialsError):
            service.log_in(LogIn(email=f"{uuid.uuid4()}@example.com", password="x"), address)
    with pytest.raises(service.TooManyAttemptsError) as error:
        service.log_in(LogIn(email=f"{uuid.uuid4()}@example.com", password="x"), address)
    assert error.value.retry_after > 0


def test_an_old_refresh_token_outside_the_grace_time_ends_the_log_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.auth import store
    from rottenbot import settings

    monkeypatch.setattr(settings, "tokens", lambda: settings.Tokens(token_public_keys="x", refresh_grace_seconds=0))
    user_uid, family = uuid.uuid4(), uuid.uuid4().hex
    store.start_session(user_uid, family, "first")
    assert store.rotate_session(family, user_uid, "first", "second") == "second"
    assert store.rotate_session(family, user_uid, "first", "third") is None
    assert store.rotate_session(family, user_uid, "second", "fourth") is None


def test_the_migrations_can_run_again_and_back(stack: Stack) -> None:
    assert stack.invoke("MigrateFunction", {}) == stack.invoke("MigrateFunction", {}) == {"Revision": "0006"}


def test_a_statement_that_fails_leaves_the_connection_usable() -> None:
    import pg8000.native

    from rottenbot import database

    with pytest.raises(pg8000.native.DatabaseError):
        database.query("SELECT 1 / 0")
    assert database.query("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.parametrize("state", ["08006", "25006", "40001", "40P01", "53100", "53200", "53300", "57P01", "57P03"])
def test_what_postgres_cannot_do_now_is_said_to_be_unavailable(state: str) -> None:
    from rottenbot import database
    from rottenbot.problems import UnavailableError

    with pytest.raises(UnavailableError):
        database.query(f"DO $$BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END$$")
    assert database.query("SELECT 1 AS one") == [{"one": 1}]


def test_a_parameter_is_never_part_of_the_statement() -> None:
    from rottenbot import database

    for text in ("'; DROP TABLE predictions; --", ":uid", "\\", "%s", "{x}"):
        assert database.query("SELECT CAST(:text AS text) AS text", text=text) == [{"text": text}]


def test_the_two_runtimes_of_the_model_give_the_same_answer(photo: Path) -> None:
    program = """
import json, sys
from pathlib import Path
from functions.predict import classifier
from functions.predict.images import to_array
model = classifier.load(sys.argv[1], 1)
photos = sorted(Path(sys.argv[2]).glob("*.jpg"))
answers = [model.classify(to_array(photo.read_bytes(), model.size)) for photo in photos]
print(json.dumps([[one.predicted_class, one.confidence] for answer in answers for one in answer.top[:1]]))
"""

    def rows(environment: str, runtime: str) -> npt.NDArray[np.float64]:
        command: list[str | Path] = [tool(environment, "python"), "-c", program, runtime, str(photo.parent)]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return np.array(json.loads(ended.stdout.strip().splitlines()[-1]))

    litert, tensorflow = rows("dev", "litert"), rows("training", "tensorflow")
    assert len(litert) >= 14
    assert (litert[:, 0] == tensorflow[:, 0]).all()
    assert np.abs(litert[:, 1] - tensorflow[:, 1]).max() < 0.02


def test_a_wrong_setting_stops_the_function_with_a_sentence() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import functions.predict.api"],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/core/python'}", "EVENTS_BUCKET": "x", "REDIS_URL": "nonsense"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0
    assert "SettingsError: Wrong settings: TOKEN_PUBLIC_KEYS" in ended.stdout + ended.stderr


def test_a_record_never_changes_its_owner() -> None:
    from functions.archive import store
    from rottenbot import database
    from rottenbot.photos import PhotoKey, RankedClass, Result
    from rottenbot.storage import StoredObject

    uid, owner = uuid.uuid4(), uuid.uuid4()
    result = Result("v1", datetime.now(UTC), (RankedClass(2, "Banana__Healthy", 0.5),))
    photo = StoredObject(b"x", "image/jpeg", {})
    store.record(PhotoKey(owner, uid, "jpg"), photo, result)
    store.record(PhotoKey(uuid.uuid4(), uid, "jpg"), photo, result)
    rows = database.query("SELECT user_uid FROM predictions WHERE uid = :uid", uid=uid)
    assert rows == [{"user_uid": owner}]


def test_a_bucket_can_be_used_when_its_store_answers_for_it() -> None:
    from botocore import UNSIGNED
    from botocore.config import Config

    from rottenbot import aws, settings, storage
    from rottenbot.problems import UnavailableError
    from rottenbot.storage import Bucket

    config = settings.archive()
    storage.events().check()
    storage.archive().check()
    for bucket in (storage.events(), storage.archive()):
        with pytest.raises(UnavailableError):
            Bucket("there-is-no-such-bucket", bucket.client).check()
    refused = aws.session().client(
        "s3", endpoint_url=config.archive_endpoint_url, config=Config(signature_version=UNSIGNED)
    )
    Bucket(config.archive_bucket, refused).check()
    stranger = aws.session().client(
        "s3", endpoint_url=config.archive_endpoint_url, aws_access_key_id="nobody", aws_secret_access_key="wrong"
    )
    with pytest.raises(UnavailableError):
        Bucket(config.archive_bucket, stranger).check()
