"""Looking back: the list, one photo, its correction, the charts, a file for a spreadsheet."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from localstack.client import Client
from tests.browser.conftest import kept
from tests.conftest import PHOTOS

NAMES = ("Banana__Healthy", "Banana__Rotten", "Tomato__Healthy")
MORE_THAN_A_PAGE = 27


@pytest.fixture
def saved(client: Client) -> list[str]:
    uids = [client.predict(PHOTOS / f"{name}.jpg", save=True)["prediction_uid"] for name in NAMES]
    for uid in uids:
        client.wait_for(uid)
    return uids


def test_a_list_that_goes_on(page: Page, client: Client) -> None:
    uids = [client.predict(PHOTOS / "Apple__Healthy.jpg", save=True)["prediction_uid"] for _ in range(MORE_THAN_A_PAGE)]
    for uid in uids:
        client.wait_for(uid)
    page.get_by_role("link", name="History").click()
    entries = page.get_by_role("list", name="History").get_by_role("listitem")
    expect(entries.nth(19)).to_be_attached()
    entries.nth(19).scroll_into_view_if_needed()
    expect(entries).to_have_count(MORE_THAN_A_PAGE)
    expect(page.get_by_text("These were all.")).to_be_visible()


def test_a_list_that_cannot_go_on_is_not_asked_for_without_end(page: Page, client: Client) -> None:
    uids = [client.predict(PHOTOS / "Apple__Healthy.jpg", save=True)["prediction_uid"] for _ in range(MORE_THAN_A_PAGE)]
    for uid in uids:
        client.wait_for(uid)
    asked: list[str] = []

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503)

    page.route("**/predictions?*cursor=*", fail)
    page.get_by_role("link", name="History").click()
    entries = page.get_by_role("list", name="History").get_by_role("listitem")
    entries.nth(19).scroll_into_view_if_needed()
    expect(page.get_by_text("That did not work (error 503).")).to_be_visible()
    page.wait_for_timeout(1000)
    assert len(asked) == 1
    page.unroute_all(behavior="wait")
    page.get_by_role("button", name="Show more").click()
    expect(entries).to_have_count(MORE_THAN_A_PAGE)


def test_filters(page: Page, saved: list[str]) -> None:
    page.get_by_role("link", name="History").click()
    entries = page.get_by_role("list", name="History").get_by_role("listitem")
    expect(entries).to_have_count(3)
    page.get_by_label("Kind").select_option("Banana")
    expect(entries).to_have_count(2)
    page.get_by_label("State").select_option("rotten")
    expect(entries).to_have_count(1)
    expect(entries).to_contain_text("✗ rotten Banana")
    today = page.evaluate("() => new Date().toLocaleDateString('sv')")
    page.get_by_label("From").fill(today)
    page.get_by_label("To", exact=True).fill(today)
    expect(entries).to_have_count(1)
    page.get_by_label("To", exact=True).fill("2020-01-01")
    expect(entries).to_have_count(0)
    expect(page.get_by_text("There is nothing here yet.")).to_be_visible()


def test_a_photo_is_looked_at_corrected_and_deleted(page: Page, client: Client, saved: list[str]) -> None:
    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name="rotten Banana").click()
    photo = page.locator(".record img")
    expect(photo).to_have_js_property("complete", True)
    assert photo.evaluate("image => image.naturalWidth") == 255
    page.get_by_role("switch", name="Show where").click()
    expect(page.locator("canvas")).to_be_visible()

    page.get_by_text("Is this wrong?").click()
    page.get_by_label("Kind").select_option("Mango")
    page.get_by_label("State").select_option("healthy")
    page.get_by_label("Share this photo").check()
    page.get_by_role("button", name="Keep the correction").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("✓ healthy Mango")
    expect(page.locator(".record")).to_contain_text("The model said: Banana, rotten")
    record = client.record(saved[1])
    assert (record["label"], record["shared"]) == ("Mango__Healthy", True)

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("list", name="History").get_by_role("listitem")).to_have_count(2)
    assert saved[1] not in [one["uid"] for one in kept(client)]
    page.go_back()
    expect(page.get_by_text("There is no such photo.")).to_be_visible()


def test_the_record_as_a_file(page: Page, saved: list[str], tmp_path: Path) -> None:
    page.get_by_role("link", name="History").click()
    page.get_by_label("Kind").select_option("Banana")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["uid"] for row in rows] == [saved[1], saved[0]]
    assert [row["predicted_class_name"] for row in rows] == ["Banana__Rotten", "Banana__Healthy"]


def test_the_summary(page: Page, saved: list[str]) -> None:
    page.get_by_role("link", name="Summary").click()
    tiles = page.locator(".tiles")
    expect(tiles).to_contain_text("Photos judged3healthy2rotten1Rotten share33%")
    expect(page.get_by_role("img", name="By kind")).to_contain_text("1 / 2")
    page.get_by_text("As a table").first.click()
    expect(page.get_by_role("row", name="Banana 1 1")).to_be_visible()
    page.get_by_label("Kind", exact=True).select_option("Tomato")
    expect(page.get_by_role("img", name="Rotten share over time").locator("circle title")).to_contain_text("0% rotten")
