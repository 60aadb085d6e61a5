"""Real Chromium on the page of a running stack, watched while it is there."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from localstack.client import Client
from localstack.stack import Stack
from tests.browser.chromium import program
from tests.conftest import PHOTOS

SECONDS = 30
WATCHES_POLICY = """
addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) =>
  console.error(`policy: ${violatedDirective} ${blockedURI}`))
"""


@dataclass
class Visit:
    """Somebody's browser: its tabs share cookies. What must not happen is gathered while it is open."""

    context: BrowserContext
    url: str
    violations: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def tab(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self._hear(message.text))
        page.on("request", lambda request: self._see(request.url))
        page.goto(self.url)
        return page

    def _hear(self, text: str) -> None:
        if text.startswith("policy: ") or "Content Security Policy" in text:
            self.violations.append(text)

    def _see(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "blob:", "data:")):
            self.elsewhere.append(url)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    found = program()
    if found is None:
        pytest.skip("There is no Chromium on this machine; it is Debian's package `chromium`.")
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@pytest.fixture
def visiting(chromium: Browser, stack: Stack) -> Callable[..., Any]:
    @contextmanager
    def visit(**options: Any) -> Iterator[Visit]:
        options = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options}
        context = chromium.new_context(accept_downloads=True, **options)
        context.set_default_timeout(SECONDS * 1000)
        context.add_init_script(WATCHES_POLICY)
        one = Visit(context, stack.url)
        yield one
        context.close()
        assert (one.violations, one.errors, one.elsewhere) == ([], [], [])

    return visit


@pytest.fixture
def visit(visiting: Callable[..., Any]) -> Iterator[Visit]:
    with visiting() as one:
        yield one


@pytest.fixture
def page(visit: Visit, client: Client) -> Page:
    """A tab in which `client` is logged in."""
    page = visit.tab()
    log_in(page, client)
    return page


def log_in(page: Page, client: Client) -> None:
    page.get_by_label("Email").fill(client.email)
    page.get_by_label("Password").fill(client.password)
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="Classify")).to_be_visible()


def end_sessions(stack: Stack, client: Client) -> None:
    """End every log-in of a user; `client` itself logs in again."""
    with redis.Redis(port=stack.settings.rottenbot_redis_port) as store:
        store.delete(*store.keys("session:*"))
    client.log_in()


def add(page: Page, *photos: Path) -> None:
    page.locator("#picker").set_input_files(photos)


def done(page: Page, number: int) -> None:
    """Wait until that many photos have their answer."""
    expect(page.locator(".card").get_by_role("switch")).to_have_count(number)


def kept(client: Client) -> list[Any]:
    """The records of a user, all of which have to be there already or on their way."""
    found: list[Any] = client.call("GET", "/inference/predictions", params={"limit": 100})["predictions"]
    return found


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A photo of 12 megapixels and more bytes than fit in a request, taken with the camera turned by 90 degrees."""
    with Image.open(PHOTOS / "Banana__Healthy.jpg") as banana:
        turned = banana.resize((3000, 4000)).transpose(Image.Transpose.ROTATE_90)
    noise = np.random.default_rng(1).integers(-20, 20, (3000, 4000, 3))
    pixels = np.clip(np.asarray(turned).astype(int) + noise, 0, 255).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned clockwise
    output = io.BytesIO()
    Image.fromarray(pixels).save(output, "JPEG", quality=96, exif=exif)
    file = tmp_path / "large.jpg"
    file.write_bytes(output.getvalue())
    return file
