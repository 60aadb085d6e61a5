"""What CloudFormation is told, over HTTP as it is told it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from rottenbot import custom_resource
from rottenbot.custom_resource import Attributes, Properties

CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=1,
    invoked_function_arn="arn",
    aws_request_id="id",
    get_remaining_time_in_millis=int,
)


@pytest.fixture
def told() -> Iterator[list[dict[str, Any]]]:
    """What was sent to the address of `told.url`."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append(body | {"content type": self.headers["Content-Type"]})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    received.append({"url": f"http://127.0.0.1:{server.server_port}/answer"})
    yield received
    server.shutdown()
    server.server_close()


def event(kind: str, url: str) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Migration",
        "ResourceProperties": {"ServiceToken": "arn", "Version": "2"},
    }


def works(properties: Properties) -> Attributes:
    return {"Revision": f"of {properties['Version']}"}


def fails(_: Properties) -> Attributes:
    raise RuntimeError("relation does not exist\nand much more")


def test_success_is_told_with_its_attributes(told: list[dict[str, Any]]) -> None:
    custom_resource.handler(works)(event("Create", told[0]["url"]), CONTEXT)
    assert told[1] == {
        "Status": "SUCCESS",
        "Data": {"Revision": "of 2"},
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Migration",
        "PhysicalResourceId": "Migration",
        "content type": "",
    }


def test_failure_is_told_with_one_line_and_raises_nothing(told: list[dict[str, Any]]) -> None:
    custom_resource.handler(fails)(event("Update", told[0]["url"]) | {"PhysicalResourceId": "same"}, CONTEXT)
    assert told[1]["Status"] == "FAILED"
    assert told[1]["Reason"] == "RuntimeError: relation does not exist"
    assert told[1]["PhysicalResourceId"] == "same"


def test_deleting_does_nothing(told: list[dict[str, Any]]) -> None:
    custom_resource.handler(fails)(event("Delete", told[0]["url"]), CONTEXT)
    assert told[1]["Status"] == "SUCCESS"


def test_anybody_else_gets_the_attributes_and_the_exception() -> None:
    assert custom_resource.handler(works)({"Version": "3"}, CONTEXT) == {"Revision": "of 3"}
    with pytest.raises(RuntimeError):
        custom_resource.handler(fails)({}, CONTEXT)
