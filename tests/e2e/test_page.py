"""The page and the stores under the address of the API, as CloudFront has them on AWS."""

from pathlib import Path

import pytest
import requests
from samtranslator.yaml_helper import yaml_parse

from deployment.page import WEB
from localstack.client import Client
from localstack.settings import ROOT
from localstack.stack import Stack


def test_the_page_has_the_headers_of_the_template(stack: Stack) -> None:
    answer = requests.get(stack.url, timeout=10)
    assert answer.text == (WEB / "index.html").read_text()
    assert answer.headers["Content-Encoding"] == "gzip"
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
    policy = resources["PageHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
    assert answer.headers["Content-Security-Policy"] == policy["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (
        requests.get(f"{stack.url}/manifest.webmanifest", timeout=10)
        .headers["Content-Type"]
        .startswith("application/manifest+json")
    )


@pytest.mark.parametrize("path", ["nothing.js", "js/../../template.yaml", "%2e%2e/template.yaml", "storage/events"])
def test_nothing_else_is_served(stack: Stack, path: str) -> None:
    with requests.Session() as session:
        asked = requests.Request("GET", stack.url).prepare()
        asked.url = f"{stack.url}/{path}"  # as it stands: requests would tidy it up
        assert session.send(asked, timeout=10).status_code == 404


def test_the_archive_is_read_only_by_addresses_that_were_given(stack: Stack) -> None:
    for path in ("archive", "archive/images/x.jpg"):
        assert requests.get(f"{stack.url}/storage/archive/{path}", timeout=10).status_code == 403
    assert requests.post(f"{stack.url}/storage/archive/archive", timeout=10).status_code == 404


def test_the_events_bucket_takes_only_forms_that_were_given(stack: Stack, client: Client, photo: Path) -> None:
    url = f"{stack.url}/storage/events/{stack.resource('EventsBucket')}"
    assert requests.get(url, timeout=10).status_code == 404
    form = client.call("POST", "/inference/uploads", json={"content_type": "image/jpeg"})["fields"]
    forget = {"key": f"forget/{client.user['uid']}"}
    for fields in (forget, {**form, **forget}, {**form, "key": form["key"].replace("uploads", "classified")}):
        answer = requests.post(url, data=fields, files={"file": b"x"}, timeout=10)
        assert answer.status_code == 403, answer.text
    assert client.call("GET", "/auth/me")
    assert requests.post(url, data=form, files={"file": photo.read_bytes()}, timeout=10).status_code == 201


def test_another_store_is_not_there(stack: Stack) -> None:
    assert requests.get(f"{stack.url}/storage/secrets/x", timeout=10).status_code == 404
