"""Every view: for every eye and hand, on every screen, in both languages, and within its policy."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from localstack.client import Client
from localstack.settings import ROOT
from localstack.stack import Stack
from rottenbot.photos import KINDS
from tests.browser.chromium import first_visit
from tests.browser.conftest import Visit, add, done, log_in
from tests.conftest import PHOTOS

SCREENSHOTS = ROOT / ".rottenbot" / "screenshots"
SIZES = {"smallest": (320, 568), "phone": (390, 844), "desktop": (1280, 800), "4k": (3840, 2160)}
KEPT = ("phone", "desktop")
VIEWS = {"classify": "Classify", "history": "History", "summary": "Summary", "account": "Account", "admin": "Admin"}
FIRST_LOAD_BYTES = 100_000


@pytest.fixture
def admin(client: Client, stack: Stack) -> Client:
    stack.invoke("MigrateFunction", {"MakeAdmin": client.email})
    for name in ("Banana__Healthy", "Apple__Rotten", "Grape__Rotten", "Guava__Rotten"):
        client.wait_for(client.predict(PHOTOS / f"{name}.jpg", save=True)["prediction_uid"])
    return client


def views(page: Page, client: Client) -> Any:
    """Every view in turn, by its name."""
    yield "log-in"
    page.get_by_role("button", name="No account yet").click()
    yield "sign-up"
    page.get_by_role("button", name="You have an account").click()
    log_in(page, client)
    add(page, *sorted(PHOTOS.glob("*.jpg"))[:6])
    done(page, 6)
    for name, title in VIEWS.items():
        page.get_by_role("link", name=title, exact=True).click()
        expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
        loaded(page)
        if name == "classify":
            page.get_by_role("switch").nth(2).click()
            expect(page.locator("canvas").nth(2)).to_be_visible()
        yield name
    page.get_by_role("link", name="History").click()
    page.get_by_role("list", name="History").get_by_role("link").first.click()
    page.get_by_text("Is this wrong?").click()
    loaded(page)
    yield "photo"
    page.get_by_role("button", name="Delete").click()
    yield "question"
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()


def loaded(page: Page) -> None:
    """Wait until everything that a view shows is there."""
    expect(page.get_by_text("Loading")).to_have_count(0)
    page.evaluate("""() => Promise.all(Array.from(document.images, (image) => {
        image.loading = "eager";
        return image.decode().catch(() => {});
    }))""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visiting: Callable[..., Any], admin: Client, scheme: str) -> None:
    with visiting(color_scheme=scheme, reduced_motion="reduce") as visit:
        page = visit.tab()
        for name in views(page, admin):
            found = Axe().run(page, options={"resultTypes": ["violations", "incomplete"]})
            assert found.response["violations"] == [], f"{name}: {found.generate_report()}"


@pytest.mark.parametrize("size", SIZES)
def test_every_view_fits(visiting: Callable[..., Any], admin: Client, size: str) -> None:
    """The screenshots of two sizes stay for people to look at."""
    width, height = SIZES[size]
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with visiting(viewport={"width": width, "height": height}, reduced_motion="reduce") as visit:
        page = visit.tab()
        for name in views(page, admin):
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            if size in KEPT:
                page.screenshot(path=SCREENSHOTS / f"{name}-{size}.png", full_page=name != "question")


def test_the_second_language_is_chosen_and_kept(visiting: Callable[..., Any], client: Client) -> None:
    with visiting(locale="de-DE") as visit:
        page = visit.tab()
        expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
        assert page.locator("html").get_attribute("lang") == "de"
        page.get_by_label("Sprache").select_option("en")
        log_in(page, client)
        page.get_by_label("Language").select_option("de")
        page.reload()
        expect(page.get_by_role("heading", name="Bestimmen")).to_be_visible()
        add(page, PHOTOS / "Banana__Rotten.jpg")
        done(page, 1)
        expect(page.locator(".card").get_by_role("heading")).to_have_text("✗ faul Banane")
        expect(page.locator(".tally")).to_contain_text("1 Foto · 1 faul")


def test_both_languages_say_the_same(visit: Visit) -> None:
    page = visit.tab()
    english, german = (
        page.evaluate(f"async () => (await import('/js/words/{tag}.js')).default") for tag in ("en", "de")
    )
    assert list(english) == list(german)
    assert list(english.pop("kinds")) == list(german.pop("kinds")) == list(KINDS)
    for key, words in english.items():
        assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", german[key])), key


def test_with_the_keyboard_alone(visit: Visit, client: Client) -> None:
    page = visit.tab()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    to(page, "Email")
    page.keyboard.type(client.email)
    to(page, "Password")
    page.keyboard.type(client.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Classify")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        to(page, "Choose photos")
        page.keyboard.press("Space")
    chooser.value.set_files(PHOTOS / "Banana__Rotten.jpg")
    done(page, 1)
    to(page, "Show where")
    page.keyboard.press("Space")
    expect(page.locator("canvas")).to_be_visible()
    to(page, "Open")
    client.wait_for(page.evaluate("document.activeElement.hash").rsplit("/", 1)[1])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Photo")).to_be_visible()
    to(page, "Delete")
    page.keyboard.press("Enter")
    to(page, "Delete")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is nothing here yet.")).to_be_visible()


def to(page: Page, name: str) -> None:
    """Press the tab key until what bears this name has the focus."""
    named = "(document.activeElement.labels?.[0] ?? document.activeElement).textContent"
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate(named).strip().startswith(name):
            return
    pytest.fail(f"the tab key does not come to {name}")


def test_the_first_load_is_small(visit: Visit) -> None:
    assert 10_000 < first_visit(visit.context, visit.url).transferred < FIRST_LOAD_BYTES


def test_the_page_can_be_installed(page: Page, visit: Visit) -> None:
    page.evaluate("async () => (await navigator.serviceWorker.ready).active.state")
    session = visit.context.new_cdp_session(page)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [one["errorId"] for one in errors if one["errorId"] != "in-incognito"] == []
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert json.loads(manifest["data"])["name"] == "RottenBot"


def test_a_script_that_was_slipped_in_does_not_run(page: Page, visit: Visit, eventually: Callable[..., None]) -> None:
    """And is noticed: what every other test relies on."""
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.slipped = true";
        document.body.append(script);
        new Image().src = "https://example.com/spy.png";
    }""")

    def reported() -> set[str]:
        page.evaluate("1")  # what the page has said comes while it is spoken to
        return {violation.split()[1] for violation in visit.violations if violation.startswith("policy:")}

    eventually(lambda: reported() == {"script-src-elem", "img-src"})
    assert page.evaluate("window.slipped") is None
    visit.violations.clear()
    visit.elsewhere.clear()


def test_words_are_shown_and_never_read_as_markup(visit: Visit, client: Client) -> None:
    client.http.delete(f"{client.api}/auth/me")
    name = "<img src=x onerror=alert(1)>"
    client.call("POST", "/auth/signup", json={"first_name": name, "last_name": "B", **client.login})
    page = visit.tab()
    log_in(page, client)
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_text(name)).to_be_visible()
