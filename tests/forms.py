"""Forms with a photo in them, as clients write them: by the clients themselves where they are installed, else after
their sources and documentation."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import aiohttp
import httpx
import requests

NAME = 'Äpfel 🍎 von "mir" \\ 100%.jpg'
PHOTO = bytes(range(256)) * 3 + b"\r\n--\r\n\r\n--x--\r\n"
OTHERS = {"caption": "a, b; c", "empty": ""}


@dataclass(frozen=True)
class Form:
    """A body and the header Content-Type that goes with it."""

    content_type: str
    body: bytes


def written(boundary: str, *parts: tuple[str, bytes], before: bytes = b"", after: bytes = b"") -> bytes:
    """A multipart body: of each part its header lines, and its content."""
    delimiter = f"--{boundary}".encode()
    lines = [delimiter + b"\r\n" + _bytes(headers) + b"\r\n\r\n" + content + b"\r\n" for headers, content in parts]
    return before + b"".join(lines) + delimiter + b"--" + after


def disposition(parameters: str, *more: str) -> str:
    """The header lines of a part."""
    return "\r\n".join([f"Content-Disposition: form-data; {parameters}", *more])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(byte: int) -> str:
    return bytes([byte]).decode("utf-8", "surrogateescape")


def _requests(photo: bytes) -> Form:
    asked = requests.Request("POST", "http://any", data=OTHERS, files={"file": (NAME, photo, "image/jpeg")}).prepare()
    assert isinstance(asked.body, bytes)
    return Form(asked.headers["Content-Type"], asked.body)


def _httpx(photo: bytes) -> Form:
    asked = httpx.Request("POST", "http://any", data=OTHERS, files={"file": (NAME, photo, "image/jpeg")})
    return Form(asked.headers["Content-Type"], asked.read())


def _aiohttp(photo: bytes) -> Form:
    class Kept(aiohttp.abc.AbstractStreamWriter):
        body = b""

        async def write(self, chunk: "bytes | bytearray | memoryview") -> None:
            self.body += bytes(chunk)

        async def write_eof(self, chunk: bytes = b"") -> None: ...
        async def drain(self) -> None: ...
        def enable_compression(self, *_: object, **__: object) -> None: ...
        def enable_chunking(self) -> None: ...
        async def write_headers(self, *_: object) -> None: ...

    async def write() -> Form:
        form = aiohttp.FormData(OTHERS, default_to_multipart=True)
        form.add_field("file", photo, filename=NAME, content_type="image/jpeg")
        payload, kept = form(), Kept()
        await payload.write(kept)
        return Form(payload.headers["Content-Type"], kept.body)

    return asyncio.run(write())


def _fields(boundary: str, photo: bytes, name: str, *more: str, quoted: bool = True) -> bytes:
    mark = '"' if quoted else ""
    others = [(disposition(f"name={mark}{key}{mark}"), value.encode()) for key, value in OTHERS.items()]
    file = (disposition(f"name={mark}file{mark}; {name}", *more), photo)
    return written(boundary, others[0], file, others[1], after=b"\r\n")


def _browser(photo: bytes) -> Form:
    boundary = "----WebKitFormBoundaryePkpFF7tjBAqx29L"
    name = NAME.replace('"', "%22")
    return Form(
        f"multipart/form-data; boundary={boundary}",
        _fields(boundary, photo, f'filename="{name}"', "Content-Type: image/jpeg"),
    )


def _firefox(photo: bytes) -> Form:
    boundary = "---------------------------" + "293582696224464"
    name = NAME.replace('"', "%22")
    return Form(
        f"multipart/form-data; boundary={boundary}",
        _fields(boundary, photo, f'filename="{name}"', "Content-Type: image/jpeg"),
    )


def _curl(photo: bytes) -> Form:
    boundary = "------------------------d74496d66958873e"
    name = NAME.replace("\\", "\\\\").replace('"', '\\"')
    return Form(
        f"multipart/form-data; boundary={boundary}",
        _fields(boundary, photo, f'filename="{name}"', "Content-Type: image/jpeg"),
    )


def _dotnet(photo: bytes) -> Form:
    boundary = "3c1b3bd8-0f21-4b5e-9d2b-4a6c0f8c1f2e"
    encoded = "=?utf-8?B?" + base64.b64encode(NAME.encode()).decode() + "?="
    extended = "utf-8''%C3%84pfel%20%F0%9F%8D%8E%20von%20%22mir%22%20%5C%20100%25.jpg"
    others = [
        (f"Content-Type: text/plain; charset=utf-8\r\n{disposition(f'name={key}')}", value.encode())
        for key, value in OTHERS.items()
    ]
    file = (
        f'Content-Type: image/jpeg\r\nContent-Disposition: form-data; name=file; filename="{encoded}"'
        f"; filename*={extended}",
        photo,
    )
    return Form(
        f'multipart/form-data; boundary="{boundary}"', written(boundary, others[0], file, others[1], after=b"\r\n")
    )


def _axios(photo: bytes) -> Form:
    boundary = "--------------------------515890814546601021194782"
    name = NAME.replace('"', "%22")
    return Form(
        f"multipart/form-data; boundary={boundary}",
        _fields(boundary, photo, f'filename="{name}"', "Content-Type: image/jpeg"),
    )


def _undici(photo: bytes) -> Form:
    boundary = "----formdata-undici-057839201475"
    name = NAME.replace('"', "%22")
    return Form(
        f"multipart/form-data; boundary={boundary}",
        _fields(boundary, photo, f'filename="{name}"', "Content-Type: image/jpeg"),
    )


def _react_native(photo: bytes) -> Form:
    boundary = "Boundary-3F2504E0-4F89"
    body = written(
        boundary,
        (f"content-disposition: form-data; name=\"file\"; filename=\"{NAME.replace(chr(34), '')}\"; "
         "filename*=utf-8''%C3%84pfel.jpg\r\ncontent-type: image/jpeg", photo),
        after=b"\r\n",
    )  # fmt: skip
    return Form(f"multipart/form-data; boundary={boundary}", body)


def _okhttp(photo: bytes) -> Form:
    boundary = "f7e3b0c6-8f7e-4d0a-a7d0-2e9b9d0c3b1a"
    name = NAME.replace('"', "%22")
    length = f"Content-Length: {len(photo)}"
    body = _fields(boundary, photo, f'filename="{name}"', "Content-Type: image/jpeg", length)
    return Form(f"multipart/form-data; boundary={boundary}", body)


def _go(photo: bytes) -> Form:
    boundary = "2f5c1a7d9c0b4e6f8a1b3c5d7e9f0a2b4c6d8e0f1a3b5c7d9e1f2a3b4c5d"
    name = NAME.replace("\\", "\\\\").replace('"', '\\"')
    body = _fields(boundary, photo, f'filename="{name}"', "Content-Type: application/octet-stream")
    return Form(f"multipart/form-data; boundary={boundary}", body)


def _java(photo: bytes) -> Form:
    boundary = "1764043200000"
    body = _fields(boundary, photo, 'filename="photo.jpg"', "Content-Type: image/jpeg")
    return Form(f"multipart/form-data;boundary={boundary}", body)


def _php(photo: bytes) -> Form:
    boundary = "------------------------b7f5d1a2c3e4f506"
    body = _fields(boundary, photo, 'filename="/tmp/phpA1b2C3"', "Content-Type: application/octet-stream")
    return Form(f"multipart/form-data; boundary={boundary}", body)


def _postman(photo: bytes) -> Form:
    boundary = "--------------------------704623911284570923160183"
    more = 'filename="/C:/Users/me/a.jpg"'
    body = _fields(boundary, photo, more, "Content-Type: image/jpeg")
    return Form(f"multipart/form-data; boundary={boundary}", body)


def _swift(photo: bytes) -> Form:
    boundary = "Boundary-E621E1F8-C36C-495A-93FC-0C247A3E6E5F"
    body = b"\r\n" + _fields(boundary, photo, "filename=photo.jpg", "Content-Type:image/jpeg", quoted=False)
    return Form(f"multipart/form-data; Boundary={boundary}", body)


def _mime(photo: bytes) -> Form:
    boundary = "=_a mail's (odd) boundary: +,-./?"
    folded = 'name="file";\r\n\tfilename="a\r\n photo.jpg"'
    body = written(
        boundary,
        (disposition(folded, "Content-Transfer-Encoding: binary", "MIME-Version: 1.0"), photo),
        before=b"This is a multi-part message in MIME format.\r\n\r\n",
        after=b"\r\nThe end, with --- lines.\r\n",
    )
    return Form(f'Multipart/Form-Data; charset=utf-8; boundary="{boundary}"', body)


CLIENTS: dict[str, Callable[[bytes], Form]] = {
    "requests": _requests,
    "httpx": _httpx,
    "aiohttp": _aiohttp,
    "Chrome and Safari": _browser,
    "Firefox": _firefox,
    "curl": _curl,
    ".NET": _dotnet,
    "axios": _axios,
    "undici": _undici,
    "React Native": _react_native,
    "OkHttp": _okhttp,
    "Go": _go,
    "Java by hand": _java,
    "PHP": _php,
    "Postman": _postman,
    "Swift by hand": _swift,
    "a mail library": _mime,
}


def dispositions() -> Iterator[str]:
    """Header lines of a part that is the field `file`, in all the spellings that RFC 7578 and clients know."""
    names = ('name="file"', "name=file", 'NAME="file"', 'name = "file"')
    filenames = [
        "",
        "filename=photo.jpg",
        'filename=""',
        "filename*=UTF-8''%e2%82%ac%20rates.jpg",
        "filename=a.jpg; filename*=UTF-8''a.jpg",
        'filename="C:\\Users\\me\\a.jpg"',
        'filename="a\\"b.jpg"',
        'filename="100%25 %0D%0A %22.jpg"',
        'filename="; name=x; .jpg"',
        'filename="' + "x" * 10_000 + '.jpg"',
        'filename="' + "🍎" * 2_500 + '.jpg"',
        *(
            f'filename="{bytes([byte]).decode("utf-8", "surrogateescape")}.jpg"'
            for byte in range(1, 256)
            if byte not in b'\r\n"\\'
        ),
    ]
    for name in names:
        for filename in filenames:
            parameters = [name, filename] if filename else [name]
            yield disposition("; ".join(parameters))
            yield disposition("; ".join(reversed(parameters)), "CONTENT-TYPE: IMAGE/JPEG; charset=utf-8")
            yield f"X-Any: 1\r\ncontent-disposition:form-data;{';'.join(parameters)}\r\nContent-ID: <a@b>"
