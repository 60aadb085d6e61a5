"""Values that nobody sends by accident, for every parameter of every route of the OpenAPI document."""

import base64
import json
import random
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from localstack.settings import ROOT

MOMENTS: Final = [
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01",
    "9999-12-31T23:59:59",
    "2026-02-30T00:00:00Z",
    "-1",
    "1e308",
    "253402300800",
    "-62135596801",
    "infinity",
    "-infinity",
    "NaN",
    "now",
    "294277-01-01T00:00:00Z",
    "4713-01-01 BC",
]
CURSORS: Final = [base64.urlsafe_b64encode(f"{moment} {uuid.uuid4()}".encode()).decode() for moment in MOMENTS[:6]] + [
    "=",
    "====",
    "é",
    "A" * 200,
    base64.urlsafe_b64encode(b"\xff" * 60).decode(),
]
TEXTS: Final = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "\u202e",
    "'; DROP TABLE predictions; --",
    "%s%n",
    ":uid",
    "$1",
    "{}",
    "../../etc/passwd",
    "é" * 100,
    "x" * 5000,
    "None",
    "null",
    "true",
    "[]",
]
NUMBERS: Final = ["0", "-1", "1", "101", "99999999999999999999", "1e3", "0x10", "NaN", "1.5", "٣", "9" * 5000]
UIDS: Final = [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "urn:uuid:12345678-1234-5678-1234-567812345678",
    "{12345678-1234-5678-1234-567812345678}",
    "12345678123456781234567812345678",
]
BODIES: Final = [b"", b"null", b"[]", b"1", b'{"a": ' * 2000, b"\xff\xfe", b"\xef\xbb\xbf{}", b"1" * 5000, b"{}"]
OBJECTS: Final[list[Any]] = [None, True, [], {}, -1, 10**400, ["a"] * 1000, {"a": {"b": None}}]
NAMES: Final = ["a.jpg", "\x00", "../../a", "é" * 300, 'a"b;c=d', ""]
SENDABLE: Final = re.compile(rb"[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?")
PHOTO: Final = ROOT / "tests" / "photos" / "Banana__Healthy.jpg"
VALUES: Final = [*MOMENTS, *CURSORS, *TEXTS, *NUMBERS, *UIDS]


@dataclass(frozen=True)
class Operation:
    """A method of a path, with the names of its parameters."""

    method: str
    path: str
    inside_path: tuple[str, ...]
    in_query: tuple[str, ...]
    in_header: tuple[str, ...]
    in_body: tuple[str, ...]
    has_body: bool
    takes_a_photo: bool

    def request(self, choose: random.Random) -> dict[str, Any]:
        """The arguments of a request with hostile values, chosen by `choose`."""
        path = self.path
        for name in self.inside_path:
            path = path.replace(f"{{{name}}}", choose.choice([str(uuid.UUID(int=choose.getrandbits(128))), *UIDS]))
        count = choose.choice([1, 1, 1, 2, len(self.in_query)])  # one that is refused hides what another would do
        query = {name: _value(name, choose) for name in choose.sample(self.in_query, min(count, len(self.in_query)))}
        query.pop("save_prediction", None)  # one more photo of one's own would be none of others'
        values = {name: _value(name, choose).encode("utf-8", "replace") for name in self.in_header}
        headers = {name: value for name, value in values.items() if SENDABLE.fullmatch(value)}
        return {"method": self.method, "path": path, "params": query, **self._body(choose, headers)}

    def _body(self, choose: random.Random, headers: dict[str, bytes]) -> dict[str, Any]:
        if self.takes_a_photo and choose.random() < 0.8:
            photo = choose.choice([PHOTO.read_bytes(), *BODIES])
            return {"files": {"file": (choose.choice(NAMES), photo)}, "headers": headers}
        if not self.has_body:
            return {"headers": headers}
        fields = {name: choose.choice([*VALUES, *OBJECTS]) for name in self.in_body if choose.random() < 0.8}
        body = json.dumps(fields).encode() if choose.random() < 0.7 else choose.choice(BODIES)
        return {"data": body, "headers": {**headers, "Content-Type": "application/json"}}


def _value(name: str, choose: random.Random) -> str:
    of_its_kind = {"since": MOMENTS, "until": MOMENTS, "cursor": CURSORS, "limit": NUMBERS}.get(name, VALUES)
    return choose.choice(of_its_kind if choose.random() < 0.7 else VALUES)


def operations() -> list[Operation]:
    """Every operation of the API but those that end a log-in or an account."""
    document = json.loads((ROOT / "functions/predict/openapi.json").read_text())
    return sorted(_operations(document), key=lambda one: (one.path, one.method))


def _fields(document: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return sorted(document["components"]["schemas"].get(name, {}).get("properties", {}))


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names = {"path": list[str](), "query": list[str](), "header": list[str]()}
            for parameter in operation.get("parameters", []):
                names[parameter["in"]].append(parameter["name"])
            if path.endswith("/logout") or (method, path.rpartition("/")[2]) == ("delete", "me"):
                continue
            yield Operation(
                method.upper(),
                path.removeprefix("/api/v1"),
                tuple(names["path"]),
                tuple(names["query"]),
                tuple(names["header"]),
                tuple(_fields(document, operation)),
                "requestBody" in operation,
                "multipart/form-data" in operation.get("requestBody", {}).get("content", {}),
            )
