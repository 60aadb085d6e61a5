"""The code that CloudFront runs for each request of the page, in a real JavaScript engine."""

import pytest
from playwright.sync_api import Browser
from samtranslator.yaml_helper import yaml_parse

from localstack.settings import ROOT


@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        ("/", "/index.html"),
        ("/js/main.js", "/js/main.js"),
        ("/storage/events/", "/"),
        ("/storage/archive/images/a/b.jpg", "/images/a/b.jpg"),
    ],
)
def test_paths_become_those_of_the_buckets(chromium: Browser, asked: str, passed_on: str) -> None:
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    code = resources["PagePaths"]["Properties"]["FunctionCode"]
    event = {"request": {"uri": asked, "cookies": {"__Host-refresh": {"value": "secret"}}}}
    page = chromium.new_page()
    request = page.evaluate(f"(event) => {{ {code}; return handler(event); }}", event)
    page.close()
    assert request == {"uri": passed_on, "cookies": {}}
