"""Photos over HTTP, through the gateway and the stores."""

import io
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from functions.predict.images import EXTENSIONS
from localstack.client import ApiError, Client
from localstack.settings import ROOT
from localstack.stack import Stack
from rottenbot.photos import CLASSES
from tests.answers import detail
from tests.conftest import PHOTOS


@pytest.fixture
def predict(client: Client) -> Callable[..., requests.Response]:
    def send(data: bytes, content_type: str = "image/jpeg", **params: Any) -> requests.Response:
        url = f"{client.api}/inference/predict"
        return client.http.post(url, params=params, files={"file": ("photo", data, content_type)})

    return send


def test_classifies_a_photo(client: Client, photo: Path) -> None:
    answer = client.predict(photo)
    assert set(answer) == {
        "predicted_class",
        "predicted_class_name",
        "confidence",
        "prediction_uid",
        "model_version",
        "top",
        "recognised",
        "map",
    }
    assert answer["recognised"] is True
    assert answer["map"] is None
    assert answer["predicted_class_name"] == photo.stem
    assert answer["prediction_uid"] is None
    assert 0 < answer["confidence"] <= 1
    assert [ranked["confidence"] for ranked in answer["top"]] == sorted(
        (ranked["confidence"] for ranked in answer["top"]), reverse=True
    )
    assert answer["top"][0]["predicted_class_name"] == answer["predicted_class_name"]


def test_says_on_request_where_it_sees_the_class(predict: Any) -> None:
    """Of a photo whose right half is grey, the left half speaks for the class."""
    with Image.open(PHOTOS / "Tomato__Healthy.jpg") as tomato:
        half = Image.new("RGB", (2 * tomato.width, tomato.height), "grey")
        half.paste(tomato)
    output = io.BytesIO()
    half.save(output, "JPEG")
    rows = np.array(predict(output.getvalue(), map=True).json()["map"])
    assert rows.ndim == 2
    assert rows.min() >= 0
    assert rows.max() == 1
    middle = rows.shape[1] // 2
    assert rows[:, :middle].mean() > 3 * rows[:, middle + 1 :].mean()


def test_a_photo_that_is_sent_again_under_its_key_is_saved_once(client: Client, stack: Stack, photo: Path) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    file = {"file": (photo.name, photo.read_bytes(), "image/jpeg")}
    url = f"{client.api}/inference/predict?save_prediction=true"
    first, second = (client.http.post(url, files=file, headers=key).json() for _ in range(2))
    assert first == second
    client.wait_for(first["prediction_uid"])
    third = client.http.post(url, files=file, headers=key).json()
    client.wait_for(third["prediction_uid"])
    assert [one["uid"] for one in client.call("GET", "/inference/predictions")["predictions"]] == [
        first["prediction_uid"]
    ]
    body = {"content_type": "image/jpeg"}
    forms = [client.call("POST", "/inference/uploads", json=body, headers=key) for _ in range(2)]
    assert {form["prediction_uid"] for form in forms} == {first["prediction_uid"]}
    other = Client(stack.url).join()
    assert other.call("POST", "/inference/uploads", json=body, headers=key)["prediction_uid"] not in str(forms)
    detail(client.http.post(url, files=file, headers={"Idempotency-Key": "x"}), 422)


def test_tells_of_its_model(client: Client, stack: Stack) -> None:
    model = client.call("GET", "/inference/model")
    assert model["version"] == client.call("GET", "/health")["model_version"]
    assert [one["class_name"] for one in model["per_class"]] == list(CLASSES)
    assert 0.9 < model["test"]["accuracy"] < 1
    detail(requests.get(f"{stack.url}/api/v1/inference/model"), 401)


def test_a_photo_that_shows_no_produce_is_not_recognised(client: Client) -> None:
    (temple,) = (ROOT / ".venvs" / "training").glob("lib/python*/site-packages/sklearn/datasets/images/china.jpg")
    answer = client.predict(temple, save=True)
    assert answer["recognised"] is False
    assert client.wait_for(answer["prediction_uid"])["recognised"] is False
    address = "/inference/predictions"
    assert client.call("GET", address, params={"state": "unsure"})["predictions"]
    kind, state = answer["predicted_class_name"].split("__")
    for wanted in ({"kind": kind}, {"state": state.lower()}):
        assert client.call("GET", address, params=wanted)["predictions"] == []
    assert client.call("GET", "/inference/stats") == {"counts": []}


def test_takes_the_query_that_older_clients_send(predict: Any, client: Client, photo: Path) -> None:
    answer = predict(photo.read_bytes(), save_prediction="True", user_uid=client.user["uid"])
    assert answer.status_code == 200
    assert client.wait_for(answer.json()["prediction_uid"])["status"] == "recorded"


@pytest.mark.parametrize(("file_format", "content_type"), [("PNG", "image/png"), ("WEBP", "image/webp")])
def test_takes_other_formats(predict: Any, photo: Path, file_format: str, content_type: str) -> None:
    output = io.BytesIO()
    Image.open(photo).save(output, file_format, lossless=True)
    answer = predict(output.getvalue(), content_type)
    assert answer.json()["predicted_class_name"] == photo.stem


def test_an_exif_rotated_photo_gets_the_class_of_the_upright_one(predict: Any, photo: Path) -> None:
    exif, output = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.open(photo).transpose(Image.Transpose.ROTATE_90).save(output, "JPEG", exif=exif, quality=95)
    assert predict(output.getvalue()).json()["predicted_class_name"] == photo.stem


def test_a_saved_photo_can_be_read_back_with_its_image(client: Client, photo: Path) -> None:
    answer = client.predict(photo, save=True)
    record = client.wait_for(answer["prediction_uid"])
    assert record["predicted_class_name"] == answer["predicted_class_name"]
    assert record["confidence"] == answer["confidence"]
    assert record["top"] == answer["top"]
    assert record["recognised"] is True
    image = requests.get(record["image_url"])
    assert image.content == photo.read_bytes()
    assert image.headers["Content-Type"] == "image/jpeg"


def test_an_uploaded_photo_is_classified_and_recorded(client: Client, photo: Path) -> None:
    record = client.wait_for(client.upload(photo))
    assert record["predicted_class_name"] == photo.stem
    assert requests.get(record["image_url"]).content == photo.read_bytes()


def test_an_unreadable_upload_becomes_a_failed_record_that_keeps_its_bytes(client: Client, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((PHOTOS / "Banana__Healthy.jpg").read_bytes()[:900])
    record = client.wait_for(client.upload(broken))
    assert record["status"] == "failed"
    assert record["reason"] == "The photo is cut off: more than its last tenth is missing. Send it again, whole."
    assert record["predicted_class"] is None
    assert "/rejected/" in record["image_url"]
    assert requests.get(record["image_url"]).content == broken.read_bytes()
    assert (
        client.call("GET", "/inference/predictions", params={"status": "failed"})["predictions"][0]["uid"]
        == record["uid"]
    )


def test_pages_filters_and_orders_the_record(client: Client) -> None:
    names = ["Banana__Healthy", "Tomato__Healthy", "Banana__Healthy"]
    uids = [client.predict(PHOTOS / f"{name}.jpg", save=True)["prediction_uid"] for name in names]
    for uid in uids:
        client.wait_for(uid)

    def page(**params: Any) -> Any:
        return client.call("GET", "/inference/predictions", params=params)

    assert [record["uid"] for record in page()["predictions"]] == uids[::-1]
    first = page(limit=2)
    rest = page(limit=2, cursor=first["next_cursor"])
    assert [record["uid"] for record in first["predictions"] + rest["predictions"]] == uids[::-1]
    assert rest["next_cursor"] is None
    bananas = page(**{"class": "Banana__Healthy"})["predictions"]
    assert [record["uid"] for record in bananas] == [uids[2], uids[0]]
    assert page(status="failed") == {"predictions": [], "next_cursor": None}
    client.call("PUT", f"/inference/predictions/{uids[0]}/label", json={"class_name": "Mango__Rotten"})

    def found(**params: Any) -> list[str]:
        return [record["uid"] for record in page(**params)["predictions"]]

    assert found(kind="Banana") == [uids[2]]
    assert found(kind="Mango", state="rotten") == found(state="rotten") == [uids[0]]
    assert found(state="healthy") == [uids[2], uids[1]]
    assert {record["image_url"] for record in page()["predictions"]} == {None}
    (tomato,) = page(kind="Tomato", images=True)["predictions"]
    assert requests.get(tomato["image_url"]).content == (PHOTOS / "Tomato__Healthy.jpg").read_bytes()
    moment = page()["predictions"][1]["created_at"]
    assert found(since=moment) == [uids[2], uids[1]]
    assert found(until=moment) == [uids[0]]


@pytest.mark.parametrize(
    "params",
    [
        {"cursor": "x"},
        {"cursor": "bm90IGEgY3Vyc29y"},
        {"limit": 0},
        {"limit": 1000},
        {"status": "lost"},
        {"kind": "Cherry"},
        {"state": "ripe"},
        {"since": "yesterday"},
        {"limit": "x"},
    ],
)
def test_a_wrong_question_is_refused(client: Client, params: dict[str, Any]) -> None:
    detail(client.http.get(f"{client.api}/inference/predictions", params=params), 422)


@pytest.mark.parametrize("text", ["' OR 1=1 --", "x'; DROP TABLE predictions; --", "%"])
def test_a_filter_is_only_ever_compared(client: Client, text: str) -> None:
    assert client.call("GET", "/inference/predictions", params={"class": text})["predictions"] == []


def test_nobody_sees_what_belongs_to_another(client: Client, stack: Stack, photo: Path) -> None:
    uid = client.predict(photo, save=True)["prediction_uid"]
    stranger = Client(stack.url).join()
    address = f"{stranger.api}/inference/predictions/{uid}"
    assert detail(stranger.http.get(address), 404) == "There is no such prediction."
    client.wait_for(uid)
    assert detail(stranger.http.get(address), 404) == "There is no such prediction."
    assert stranger.call("GET", "/inference/predictions")["predictions"] == []


def test_nobody_saves_for_another(predict: Any, stack: Stack, photo: Path) -> None:
    other = Client(stack.url).join()
    answer = predict(photo.read_bytes(), save_prediction=True, user_uid=other.user["uid"])
    detail(answer, 403)
    assert other.call("GET", "/inference/predictions")["predictions"] == []


@pytest.mark.parametrize("uid", ["x", "1", "..%2f..", "00000000-0000-0000-0000-00000000000g", "' OR 1=1 --"])
def test_an_id_of_another_form_is_refused(client: Client, uid: str) -> None:
    answer = client.http.get(f"{client.api}/inference/predictions/{uid}")
    assert answer.status_code in (404, 422)
    detail(answer, answer.status_code)


def test_an_unknown_id_is_not_found(client: Client) -> None:
    detail(client.http.get(f"{client.api}/inference/predictions/{uuid.uuid4()}"), 404)


TYPES = [
    None,
    "application/octet-stream",
    "IMAGE/JPEG",
    "image/jpeg; charset=binary",
    "image/jpg",
    "image/pjpeg",
    "image/png",
    "image/gif",
    "text/plain",
]
NAMES = ["photo.jfif", "photo", "photo.png", "photo.heic", "photo.JPG.exe"]


@pytest.mark.parametrize("content_type", TYPES)
def test_the_content_says_what_a_photo_is(client: Client, photo: Path, content_type: str | None) -> None:
    for name in NAMES:
        file = (name, photo.read_bytes(), content_type)
        answer = client.call("POST", "/inference/predict", files={"file": file})
        assert answer["predicted_class_name"] == photo.stem


def test_a_file_is_sent_without_a_type(client: Client, photo: Path) -> None:
    with photo.open("rb") as file:
        assert client.call("POST", "/inference/predict", files={"file": file})["predicted_class_name"] == photo.stem


@pytest.mark.parametrize(("name", "extension"), [("HEIC", "heic"), ("AVIF", "avif"), ("PNG", "png"), ("WEBP", "webp")])
@pytest.mark.parametrize("is_upload", [False, True])
def test_the_archive_says_what_a_photo_is(
    client: Client, photo: Path, tmp_path: Path, name: str, extension: str, is_upload: bool
) -> None:
    wrongly_named = tmp_path / "photo.jpg"
    if name == "HEIC":
        wrongly_named.write_bytes((PHOTOS / "phone.heic").read_bytes())
    else:
        Image.open(photo).save(wrongly_named, name)
    uid = client.upload(wrongly_named) if is_upload else client.predict(wrongly_named, save=True)["prediction_uid"]
    record = client.wait_for(uid)
    assert record["status"] == "recorded"
    image = _archived(client, uid)
    assert f"/images/{client.user['uid']}/{uid}.{extension}" in image.url
    assert image.headers["Content-Type"] == f"image/{extension}"


@pytest.mark.parametrize("content_type", [*TYPES[:-2], "", "image/heic", "image/*"])
def test_an_upload_is_declared_as_the_client_likes(client: Client, photo: Path, content_type: str | None) -> None:
    form = client.call("POST", "/inference/uploads", json={"content_type": content_type})
    assert form["fields"]["Content-Type"] == (content_type or "application/octet-stream")
    answer = requests.post(form["url"], data=form["fields"], files={"file": photo.read_bytes()})
    assert answer.status_code == 201
    uid = form["prediction_uid"]
    assert client.wait_for(uid)["predicted_class_name"] == photo.stem
    image = _archived(client, uid)
    assert f"/{uid}.jpg" in image.url
    assert (image.headers["Content-Type"], image.content) == ("image/jpeg", photo.read_bytes())


def _archived(client: Client, uid: str) -> requests.Response:
    """The photo, which comes into the archive a moment after its record."""
    for _ in range(50):
        image = requests.get(client.record(uid)["image_url"])
        if image.ok:
            break
        time.sleep(0.1)
    return image


@pytest.mark.parametrize("is_upload", [False, True])
def test_what_a_photo_says_beside_its_pixels_is_not_kept(
    client: Client, photo: Path, tmp_path: Path, is_upload: bool
) -> None:
    exif, told = Image.Exif(), tmp_path / "told.jpg"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[0x1D] = exif.get_ifd(0x8769)[0xA431] = "CANARY"
    with Image.open(photo) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(told, "JPEG", exif=exif, comment="CANARY")
    told.write_bytes(told.read_bytes() + b"CANARY")
    uid = client.upload(told) if is_upload else client.predict(told, save=True)["prediction_uid"]
    assert client.wait_for(uid)["predicted_class_name"] == photo.stem
    kept = _archived(client, uid).content
    assert b"CANARY" not in kept
    with Image.open(io.BytesIO(kept)) as image, Image.open(told) as before:
        assert dict(image.getexif()) == {0x0112: 6}
        assert image.tobytes() == before.tobytes()


@pytest.mark.parametrize("content_type", [None, "image/gif", "text/plain", "application/pdf", "image/svg+xml"])
@pytest.mark.parametrize("data", [b"", b"no photo", b"<svg/>", b"GIF89a", b"%PDF-1.7"])
def test_another_type_of_file_is_refused(client: Client, data: bytes, content_type: str | None) -> None:
    file: Any = ("photo", data, content_type)
    told = detail(client.http.post(f"{client.api}/inference/predict", files={"file": file}), 400)
    assert told.startswith("Invalid file type. ")
    assert "HEIC" in told


def test_an_upload_that_is_no_photo_is_kept_as_what_it_is(client: Client, tmp_path: Path) -> None:
    page = tmp_path / "page.jpg"
    page.write_bytes(b"<html><script>alert(1)</script></html>")
    uid = client.upload(page)
    assert "HTML" in client.wait_for(uid)["reason"]
    image = _archived(client, uid)
    assert f"/rejected/{client.user['uid']}/{uid}.bin" in image.url
    assert image.headers["Content-Type"] == "application/octet-stream"
    assert image.content == page.read_bytes()


@pytest.mark.parametrize("data", [b"", b"I am not a photo", b"\xff\xd8\xff\xe0 cut off"])
def test_what_is_no_photo_is_refused(predict: Any, data: bytes) -> None:
    detail(predict(data), 422)


def test_a_truncated_photo_is_refused_and_not_saved(predict: Any, client: Client, photo: Path) -> None:
    detail(predict(photo.read_bytes()[:900], save_prediction=True), 422)
    assert client.call("GET", "/inference/predictions")["predictions"] == []


@pytest.mark.parametrize("size", [4_500_001, 5_500_000])
def test_a_photo_over_the_limit_gets_the_advice_to_upload_it(predict: Any, size: int) -> None:
    assert "/api/v1/inference/uploads" in detail(predict(bytes(size)), 413)


def test_no_photo_or_two_are_refused(client: Client, photo: Path) -> None:
    url = f"{client.api}/inference/predict"
    file = ("photo.jpg", photo.read_bytes(), "image/jpeg")
    assert "file" in detail(client.http.post(url, files={"other": file}), 422)
    assert "exactly one" in detail(client.http.post(url, files=[("file", file), ("file", file)]), 400)
    detail(client.http.post(url, files={"file": (None, "just text")}), 422)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("multipart/form-data; boundary=another", 400),
        ("multipart/form-data", 400),
        ("multipart/form-data; boundary=", 400),
        ("application/json", 422),
        ("image/jpeg", 415),
    ],
)
def test_a_wrong_boundary_or_type_is_refused(client: Client, photo: Path, content_type: str, status: int) -> None:
    body = (
        b'--right\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        + photo.read_bytes()
        + b"\r\n--right--\r\n"
    )
    url = f"{client.api}/inference/predict"
    detail(client.http.post(url, data=body, headers={"Content-Type": content_type}), status)


def test_nothing_is_classified_without_a_token(stack: Stack, photo: Path) -> None:
    url = f"{stack.url}/api/v1/inference"
    files = {"file": ("photo.jpg", photo.read_bytes(), "image/jpeg")}
    detail(requests.post(f"{url}/predict", files=files), 401)
    detail(requests.post(f"{url}/uploads", json={"content_type": "image/jpeg"}), 401)
    detail(requests.get(f"{url}/predictions"), 401)
    detail(requests.get(f"{url}/predictions/{uuid.uuid4()}"), 401)


def test_an_upload_form_is_good_for_one_key_one_type_and_a_limited_size(client: Client, photo: Path) -> None:
    form = client.call("POST", "/inference/uploads", json={"content_type": "image/jpeg"})

    def post(data: bytes, **changes: str) -> int:
        return requests.post(form["url"], data={**form["fields"], **changes}, files={"file": data}).status_code

    assert post(photo.read_bytes(), key="uploads/elsewhere.jpg") == 403
    assert post(photo.read_bytes(), **{"Content-Type": "text/html"}) == 403
    assert post(b"") == 400
    assert post(bytes(25_000_001)) == 400
    assert post(photo.read_bytes()) == 201
    client.wait_for(form["prediction_uid"])


@pytest.mark.parametrize(
    "content_type",
    ["image/gif", "text/html", ["image/jpeg"], 1, "image/jpeg\n", "image/jpeg;" + "x" * 200, "image/jpegé"],
)
def test_an_upload_of_another_type_is_refused(client: Client, content_type: object) -> None:
    body = {"content_type": content_type}
    assert "content_type" in detail(client.http.post(f"{client.api}/inference/uploads", json=body), 422)


def test_every_type_that_can_be_classified_can_be_uploaded(client: Client) -> None:
    for content_type in EXTENSIONS:
        client.call("POST", "/inference/uploads", json={"content_type": content_type})


def test_health_documentation_and_page(stack: Stack) -> None:
    health = requests.get(f"{stack.url}/api/v1/health").json()
    assert health["status"] == "ok"
    assert health["model_version"]
    document = requests.get(f"{stack.url}/api/v1/openapi.json").json()
    assert {"/api/v1/auth/login", "/api/v1/inference/predict", "/api/v1/inference/predictions"} <= set(
        document["paths"]
    )
    page = requests.get(f"{stack.url}/api/v1/docs")
    assert page.headers["Content-Type"] == "text/html"
    assert "SwaggerUIBundle" in page.text


def test_a_client_says_what_went_wrong(client: Client) -> None:
    with pytest.raises(ApiError, match="404"):
        client.record(str(uuid.uuid4()))


def test_a_form_that_is_used_twice_ends_with_the_last_photo_and_nothing_left(
    client: Client, stack: Stack, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    form = client.call("POST", "/inference/uploads", json={"content_type": "image/jpeg"})
    names = ("Banana__Healthy", "Tomato__Healthy")
    for name in names:
        data = (PHOTOS / f"{name}.jpg").read_bytes()
        assert requests.post(form["url"], data=form["fields"], files={"file": data}).status_code == 201
    uid = form["prediction_uid"]
    s3, bucket = stack.aws("s3"), stack.resource("EventsBucket")

    def versions() -> list[Any]:
        return [found for found in s3.list_object_versions(Bucket=bucket).get("Versions", []) if uid in found["Key"]]

    eventually(lambda: not versions())
    record = client.wait_for(uid)
    assert record["predicted_class_name"] in names
    image = requests.get(record["image_url"]).content
    assert image == (PHOTOS / f"{record['predicted_class_name']}.jpg").read_bytes()
