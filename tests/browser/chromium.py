"""Debian's Chromium, and what a first visit with it takes."""

import shutil
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class FirstVisit:
    """Bytes that came, as they were transferred, and milliseconds until the page could be used."""

    transferred: int
    usable: float


def program() -> str | None:
    """Chromium on this machine, if there is one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def first_visit(context: BrowserContext, url: str) -> FirstVisit:
    """Open the page in a browser that has nothing of it yet."""
    page = context.new_page()
    sizes: list[int] = []

    def weigh(request: Request) -> None:
        size = request.sizes()
        sizes.append(size["responseHeadersSize"] + size["responseBodySize"])

    page.on("requestfinished", weigh)
    page.goto(url)
    page.get_by_role("button", name="Log in").wait_for()
    usable = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    page.wait_for_load_state("networkidle")
    return FirstVisit(sum(sizes), usable)
