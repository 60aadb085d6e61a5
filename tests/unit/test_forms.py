"""Forms as clients write them, and those that nobody can read."""

import contextlib
import time
from collections.abc import Callable

import pytest
from aws_lambda_powertools.event_handler.openapi.params import UploadFile
from hypothesis import given
from hypothesis import strategies as st

from rottenbot import forms
from rottenbot.problems import BadRequestError
from tests.forms import CLIENTS, NAME, OTHERS, PHOTO, Form, disposition, dispositions, written

FILE = disposition('name="file"; filename="a.jpg"', "Content-Type: image/jpeg")
BOUNDARY_CHARACTERS = "'()+_,-./:=?" + "0123456789" + "ABCXYZabcxyz"


def file_of(content_type: str, body: bytes) -> UploadFile:
    file = forms.read(content_type, body)["file"]
    assert isinstance(file, UploadFile)
    return file


def refusal(content_type: str, body: bytes) -> str:
    with pytest.raises(BadRequestError) as raised:
        forms.read(content_type, body)
    return str(raised.value)


@pytest.mark.parametrize("write", CLIENTS.values(), ids=CLIENTS)
def test_every_clients_form_is_read(write: Callable[[bytes], Form]) -> None:
    form = write(PHOTO)
    assert file_of(form.content_type, form.body).content == PHOTO


def test_a_form_has_its_other_fields_too() -> None:
    form = CLIENTS["Chrome and Safari"](PHOTO)
    fields = forms.read(form.content_type, form.body)
    assert {name: field.content.decode() for name, field in fields.items() if name != "file"} == OTHERS  # type: ignore[union-attr]
    assert fields["file"].content_type == "image/jpeg"  # type: ignore[union-attr]


def test_a_part_is_the_field_file_in_every_spelling() -> None:
    spellings = list(dispositions())
    assert len(spellings) > 1000
    for headers in spellings:
        assert file_of("multipart/form-data; boundary=b", written("b", (headers, PHOTO))).content == PHOTO, headers


@given(st.text(BOUNDARY_CHARACTERS, min_size=1, max_size=70), st.sampled_from(("boundary", "Boundary", "BOUNDARY")))
def test_every_boundary_of_the_standard_is_known_with_and_without_quotes(boundary: str, name: str) -> None:
    body = written(boundary, (FILE, b"photo"))
    for value in (f'"{boundary}"', boundary):
        assert file_of(f"multipart/form-data; charset=utf-8; {name}={value}; x=1", body).content == b"photo"


@given(st.binary(max_size=2000), st.binary(max_size=200), st.binary(max_size=200))
def test_what_stands_around_and_in_a_part_is_left_alone(photo: bytes, before: bytes, after: bytes) -> None:
    boundary = "a-boundary-that-is-in-no-photo"
    for preamble in (b"", before + b"\r\n"):
        body = written(boundary, (FILE, photo), before=preamble, after=after)
        assert file_of(f"multipart/form-data; boundary={boundary}", body).content == photo


@pytest.mark.parametrize("padding", [b" ", b"\t", b"  \t "])
def test_spaces_after_a_boundary_are_no_part_of_it(padding: bytes) -> None:
    body = written("b", (FILE, PHOTO), (disposition("name=x"), b"")).replace(b"--b\r\n", b"--b" + padding + b"\r\n")
    assert file_of("multipart/form-data; boundary=b", body).content == PHOTO


def test_a_text_field_is_a_file_without_name_and_type() -> None:
    file = file_of("multipart/form-data; boundary=b", written("b", (disposition('name="file"'), PHOTO)))
    assert (file.content, file.filename, file.content_type) == (PHOTO, None, None)


def test_two_files_are_two() -> None:
    fields = forms.read("multipart/form-data; boundary=b", written("b", (FILE, b"1"), (FILE, b"2")))
    assert [file.content for file in fields["file"]] == [b"1", b"2"]  # type: ignore[union-attr]


def test_a_form_without_fields_has_none() -> None:
    assert forms.read("multipart/form-data; boundary=b", b"--b--\r\n") == {}


@pytest.mark.parametrize("left", range(1, len(written("b", (FILE, PHOTO))) - 1, 7))
def test_a_form_that_is_cut_off_is_refused(left: int) -> None:
    body = written("b", (FILE, PHOTO))[:left]
    assert ("cut off" if left >= len("--b") else "no boundary") in refusal("multipart/form-data; boundary=b", body)


WRONG = {
    "no boundary in the header": ("multipart/form-data", written("b", (FILE, PHOTO))),
    "an empty boundary": ("multipart/form-data; boundary=", written("b", (FILE, PHOTO))),
    "another boundary": ("multipart/form-data; boundary=another", written("b", (FILE, PHOTO))),
    "an empty body": ("multipart/form-data; boundary=b", b""),
    "a photo alone": ("multipart/form-data; boundary=b", PHOTO),
    "a JSON text": ("multipart/form-data; boundary=b", b'{"file": "x"}'),
    "line feeds alone": ("multipart/form-data; boundary=b", written("b", (FILE, b"x")).replace(b"\r\n", b"\n")),
    "a part without a disposition": ("multipart/form-data; boundary=b", written("b", ("Content-Type: x/y", b""))),
    "an attachment": ("multipart/form-data; boundary=b", written("b", ("Content-Disposition: attachment", b""))),
    "a form in a form": (
        "multipart/form-data; boundary=b",
        written("b", (disposition("name=file", "Content-Type: multipart/mixed; boundary=c"), PHOTO)),
    ),
    "base64": (
        "multipart/form-data; boundary=b",
        written("b", (disposition("name=file", "Content-Transfer-Encoding: BASE64"), b"AAAA")),
    ),
    "quoted-printable": (
        "multipart/form-data; boundary=b",
        written("b", (disposition("name=file", "content-transfer-encoding: quoted-printable"), b"=41")),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content_type", "body"), WRONG.values(), ids=WRONG)
def test_what_is_no_form_is_refused_with_the_reason(content_type: str, body: bytes) -> None:
    assert refusal(content_type, body).endswith(".")


ENDLESS = {
    "10,000 parts": written("b", *[(disposition(f"name=f{n}"), b"") for n in range(10_000)]),
    "a header of 4 MB": written("b", (disposition('name="' + "x" * 4_000_000 + '"'), b"")),
    "100,000 headers": written("b", (disposition("name=file", *["A: b"] * 100_000), b"")),
    "4 MB of header without an end": b"--b\r\n" + b"A" * 4_000_000,
    "a header folded 100,000 times": written("b", (disposition("name=x", "A: b", *[" c"] * 100_000), b"")),
    "many folded headers": written("b", *[(disposition("name=x", "A: b", *[" c"] * 4000), b"")] * 90),
    "many long headers": written("b", *[(disposition("name=x", *["A: " + "x" * 16_000] * 10), b"")] * 25),
}


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_what_would_take_long_to_read_is_refused_soon(body: bytes) -> None:
    began = time.process_time()
    assert "than are taken" in refusal("multipart/form-data; boundary=b", body)
    assert time.process_time() - began < 2


@given(st.text(max_size=200), st.binary(max_size=300))
def test_any_other_header_and_body_is_refused_or_read(content_type: str, body: bytes) -> None:
    for header in (content_type, f"multipart/form-data; {content_type}", f"x/y; boundary={content_type}"):
        with contextlib.suppress(BadRequestError):
            forms.read(header, body)


def test_names_of_files_are_as_odd_as_can_be() -> None:
    assert {'"', "\\", "%", "🍎", " "} <= set(NAME)
