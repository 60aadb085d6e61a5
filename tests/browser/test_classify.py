"""Photos go in by every way a page offers, and nothing that happens on the way loses one."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from localstack.client import Client
from localstack.stack import Stack
from tests.browser.conftest import Visit, add, done, end_sessions, kept, log_in
from tests.conftest import PHOTOS
from tests.inside import messages

ALL = sorted(PHOTOS.glob("*.jpg"))
BANANA = PHOTOS / "Banana__Healthy.jpg"
IN_A_TRANSFER = """async ([bytes, event]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(bytes)], "banana.jpg", {type: "image/jpeg"}));
  dispatchEvent(event === "drop"
    ? new DragEvent("drop", {dataTransfer: transfer, cancelable: true})
    : new ClipboardEvent("paste", {clipboardData: transfer}));
}"""


def test_twenty_photos_at_once(page: Page, client: Client, eventually: Callable[..., None]) -> None:
    seen: set[float] = set()
    page.on("request", lambda _: seen.add(page.locator(".card progress").count()))
    add(page, *ALL[:20])
    expect(page.locator(".card")).to_have_count(20)
    done(page, 20)
    assert max(seen) > 1
    verdicts = [page.locator(".card", has_text=word).count() for word in ("✓ healthy", "✗ rotten", "? not sure")]
    assert sum(verdicts) == 20
    expect(page.locator(".tally")).to_contain_text(f"20 photos · {verdicts[0]} healthy · {verdicts[1]} rotten")
    eventually(lambda: len(kept(client)) == 20)


def test_a_result_says_what_where_and_how_sure(page: Page) -> None:
    add(page, PHOTOS / "Banana__Rotten.jpg")
    done(page, 1)
    card = page.locator(".card")
    expect(card.get_by_role("heading")).to_have_text("✗ rotten Banana")
    expect(card.get_by_role("list", name="The three likeliest").get_by_role("listitem")).to_have_count(3)
    expect(page.locator("#said")).to_have_text("Banana: rotten, 100% sure")
    switch, overlay = card.get_by_role("switch", name="Show where"), card.locator("canvas")
    expect(overlay).to_be_hidden()
    switch.click()
    expect(overlay).to_be_visible()
    expect(switch).to_have_attribute("aria-checked", "true")
    picture, laid = card.locator("img").bounding_box(), overlay.bounding_box()
    assert picture == laid
    most = "canvas => Math.max(...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)"
    assert overlay.evaluate(most) == 255
    switch.click()
    expect(overlay).to_be_hidden()


def test_what_is_no_produce_is_not_sure(page: Page, tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.new("RGB", (300, 300), "grey").save(grey)
    add(page, grey)
    expect(page.locator(".card").get_by_role("heading")).to_have_text("? not sure Unknown")
    expect(page.locator(".card")).to_contain_text("These are only guesses")


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_photos_can_be_dropped_and_pasted(page: Page, way: str) -> None:
    page.evaluate(IN_A_TRANSFER, [list(BANANA.read_bytes()), way])
    done(page, 1)


def test_a_camera_is_asked_for(page: Page) -> None:
    expect(page.locator("#camera")).to_have_attribute("capture", "environment")
    page.locator("#camera").set_input_files(BANANA)
    done(page, 1)


def test_photos_that_are_not_to_be_kept_are_not(page: Page, client: Client, large: Path) -> None:
    page.get_by_label("Keep the photos").uncheck()
    add(page, BANANA, large)  # too large for a request, and so sent smaller
    done(page, 2)
    expect(page.get_by_role("link", name="Open")).to_have_count(0)
    assert kept(client) == []


def test_a_large_photo_is_uploaded_and_shown_upright(page: Page, client: Client, large: Path) -> None:
    assert large.stat().st_size > 4_500_000
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    add(page, large)
    done(page, 1)
    expect(page.locator(".card").get_by_role("heading")).to_have_text("✓ healthy Banana")
    assert any("/storage/events/" in url for url in asked)
    width, height = page.locator(".card .photo img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert width < height
    page.get_by_role("switch").click()  # a map that nobody asked for yet
    expect(page.locator("canvas")).to_be_visible()
    (record,) = kept(client)
    assert requests.get(client.record(record["uid"])["image_url"], timeout=10).content == large.read_bytes()


def test_smaller_copies_get_the_same_answer(page: Page, tmp_path: Path, client: Client) -> None:
    photos = []
    for photo in ALL[::3]:
        with Image.open(photo) as image:
            scale = 3000 / max(image.size)
            image.resize((round(image.width * scale), round(image.height * scale))).save(tmp_path / photo.name)
        photos.append(tmp_path / photo.name)
    expected = [client.predict(photo) for photo in photos]
    page.get_by_label("Send smaller copies").check()
    records = []
    for number, photo in enumerate(photos, 1):
        add(page, photo)
        done(page, number)
        uid = (page.get_by_role("link", name="Open").first.get_attribute("href") or "").rsplit("/", 1)[1]
        records.append(client.wait_for(uid))
    for photo, record, answer in zip(photos, records, expected, strict=True):
        sent = requests.get(record["image_url"], timeout=10).content
        with Image.open(io.BytesIO(sent)) as image:
            assert max(image.size) == 1024
        assert len(sent) < photo.stat().st_size / 2
        assert record["predicted_class_name"] == answer["predicted_class_name"]
        assert abs(record["confidence"] - answer["confidence"]) < 0.05


def test_a_slow_link_gets_smaller_copies_by_itself(visit: Visit, client: Client) -> None:
    link = "Object.defineProperty(Navigator.prototype, 'connection', {value: {effectiveType: '3g'}})"
    visit.context.add_init_script(link)
    page = visit.tab()
    log_in(page, client)
    expect(page.get_by_label("Send smaller copies")).to_be_checked()


def test_what_cannot_be_read_is_said_and_stops_nothing(page: Page, tmp_path: Path, client: Client) -> None:
    broken, text = tmp_path / "broken.jpg", tmp_path / "notes.txt"
    broken.write_bytes(BANANA.read_bytes()[:2000])
    text.write_text("no photo")
    add(page, broken, text, BANANA)
    done(page, 1)
    expect(page.locator(".card", has_text="broken.jpg")).to_contain_text("not a photo that can be read")
    expect(page.locator(".card", has_text="broken.jpg")).to_contain_text("The photo is cut off")
    expect(page.locator(".card", has_text="notes.txt")).to_contain_text("JPEG, PNG and WebP")
    expect(page.locator(".card", has_text="notes.txt")).to_contain_text("The file is text")
    page.locator(".card", has_text="broken.jpg").get_by_role("button", name="Remove").click()
    expect(page.locator(".card")).to_have_count(2)
    assert len(kept(client)) <= 1


def test_what_a_device_says_of_a_photo_does_not_matter(page: Page, client: Client, large: Path) -> None:
    expect(page.locator("#picker")).to_have_attribute("accept", "image/*,.heic,.heif,.avif")
    told = [
        ("IMG_0001", ""),
        ("photo.jfif", "image/pjpeg"),
        ("photo.heic", "IMAGE/HEIC"),
        ("photo.png", "application/octet-stream"),
        ("photo.txt", "text/plain"),
    ]
    photos = [FilePayload(name=name, mimeType=kind, buffer=BANANA.read_bytes()) for name, kind in told]
    page.locator("#picker").set_input_files(photos)
    page.locator("#picker").set_input_files(FilePayload(name="a", mimeType="text/html", buffer=large.read_bytes()))
    done(page, len(told) + 1)
    assert {record["predicted_class_name"] for record in kept(client)} == {BANANA.stem}


def test_a_photo_of_a_phone_is_classified_though_the_browser_cannot_show_it(page: Page, client: Client) -> None:
    add(page, PHOTOS / "phone.heic")
    done(page, 1)
    expect(page.locator(".card")).to_contain_text("This browser cannot show this photo")
    page.get_by_role("switch").click()
    expect(page.locator("canvas")).to_be_visible()
    page.get_by_role("link", name="Open").click()
    expect(page.locator(".record")).to_contain_text("This browser cannot show this photo")
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".entries")).to_contain_text("This browser cannot show this photo")


def test_an_avif_is_shown(page: Page, tmp_path: Path) -> None:
    avif = tmp_path / "photo.avif"
    with Image.open(BANANA) as image:
        image.save(avif)
    add(page, avif)
    done(page, 1)
    assert page.locator(".card .photo img").evaluate("image => image.naturalWidth") > 0


def test_a_store_says_why_it_takes_no_file(page: Page, tmp_path: Path) -> None:
    video = tmp_path / "video.mov"
    video.write_bytes(b"\0\0\0\x14ftypqt  " + bytes(26_000_000))
    add(page, video)
    expect(page.locator(".card")).to_contain_text("exceeds the maximum allowed size")


def test_what_is_tried_again_says_why(page: Page) -> None:
    page.clock.install()
    reason = "The photo could not be saved right now. Please try again later."
    body = json.dumps({"status": 503, "detail": reason})
    page.route(
        "**/predict?*", lambda route: route.fulfill(status=503, content_type="application/problem+json", body=body)
    )
    add(page, BANANA)
    expect(page.locator(".card")).to_contain_text(f"Trying again: {reason}")
    for _ in range(30):
        page.clock.run_for(2000)
        if page.locator(".card").get_by_role("button", name="Try again").count():
            break
    expect(page.locator(".card [role=alert]")).to_have_text(reason)


def test_a_photo_waits_for_the_connection(page: Page, visit: Visit, client: Client) -> None:
    visit.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    add(page, BANANA)
    expect(page.locator(".card")).to_contain_text("No connection, trying again")
    visit.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    done(page, 1)


def test_an_answer_that_is_lost_does_not_save_a_photo_twice(
    page: Page, client: Client, stack: Stack, eventually: Callable[..., None]
) -> None:
    answers: list[int] = []
    session = page.context.new_cdp_session(page)

    def lose_the_first(answer: Any) -> None:
        answers.append(answer["responseStatusCode"])
        request = {"requestId": answer["requestId"]}
        if len(answers) == 1:
            session.send("Fetch.failRequest", {**request, "errorReason": "ConnectionReset"})
        else:
            session.send("Fetch.continueResponse", request)

    session.on("Fetch.requestPaused", lose_the_first)
    session.send("Fetch.enable", {"patterns": [{"urlPattern": "*/predict?*", "requestStage": "Response"}]})
    add(page, BANANA)
    done(page, 1)
    assert answers == [200, 200]
    uid = (page.get_by_role("link", name="Open").get_attribute("href") or "").rsplit("/", 1)[1]
    client.wait_for(uid)
    eventually(lambda: messages(stack, stack.resource("ClassifiedQueue")) == 0)
    assert [record["uid"] for record in kept(client)] == [uid]


def test_what_keeps_failing_can_be_tried_again(page: Page) -> None:
    page.clock.install()
    page.route("**/predict?*", lambda route: route.fulfill(status=503))
    add(page, BANANA)
    retry = page.locator(".card").get_by_role("button", name="Try again")
    for _ in range(30):
        page.clock.run_for(2000)
        if retry.count():
            break
    expect(page.locator(".card")).to_contain_text("cannot be reached right now")
    page.unroute_all(behavior="wait")
    retry.click()
    done(page, 1)


def test_photos_outlive_the_session(page: Page, client: Client, stack: Stack, eventually: Callable[..., None]) -> None:
    end_sessions(stack, client)
    add(page, BANANA)
    expect(page.get_by_role("alert").filter(has_text="Your session has ended")).to_be_visible()
    log_in(page, client)
    done(page, 1)
    eventually(lambda: len(kept(client)) == 1)


def test_a_photo_that_is_tried_again_is_not_sent_for_the_next_user(page: Page, stack: Stack) -> None:
    page.route("**/predict?*", lambda route: route.fulfill(status=503))
    add(page, BANANA)
    expect(page.locator(".card")).to_contain_text("trying again")
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Log out").click()
    page.goto(f"{stack.url}/#/classify")
    other = Client(stack.url).join()
    log_in(page, other)
    page.unroute_all(behavior="wait")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(5000)  # longer than the next pause
    assert [url for url in asked if "/predict" in url] == []
    assert kept(other) == []


def test_photos_of_one_user_are_not_sent_for_the_next(page: Page, client: Client, stack: Stack) -> None:
    end_sessions(stack, client)
    add(page, BANANA)
    expect(page.get_by_role("alert").filter(has_text="Your session has ended")).to_be_visible()
    other = Client(stack.url).join()
    log_in(page, other)
    expect(page.locator(".card")).to_have_count(0)
    assert kept(other) == []
