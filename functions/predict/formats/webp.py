"""WebP (RFC 9649): its chunks, and a file that holds nothing but its first picture."""

import io
import struct
from collections.abc import Iterator
from functools import partial
from typing import Final

from PIL import Image

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.formats.problems import UnreadableImageError
from functions.predict.formats.source import BYTES_NEEDED, CUT_OFF, DAMAGED, MAX_PROFILE, Source, require

HEADER: Final = 12
PICTURES: Final = (b"VP8 ", b"VP8L")
OF_A_PICTURE: Final = (b"ALPH", *PICTURES)
ALPHA_FLAG: Final = 0x10
ANIMATED_FRAME: Final = 16  # bytes of an animation's frame before its chunks: place, size, duration
MAX_CHUNKS: Final = 100_000
BYTES_PER_PIXEL: Final = 16  # two canvases of libwebp's, Pillow's copy and its picture
# Measured with libwebp 1.6 on one core of 2.6 GHz, rounded up.
SECONDS_PER_BYTE: Final = 8e-8
SECONDS_PER_PIXEL: Final = 3e-8


def read(data: bytes, _: int) -> Source:
    """Raises UnreadableImageError when its header is damaged or more than the last tenth of its picture is missing."""
    kept: dict[bytes, bytes] = {}
    for kind, content in _chunks(data, HEADER):
        for part, inner in _chunks(content, ANIMATED_FRAME) if kind == b"ANMF" else [(kind, content)]:
            if not (part in OF_A_PICTURE and _picture(kept)):  # of several pictures the first
                kept.setdefault(part, inner)
        if kind in (b"EXIF", b"XMP ") and _picture(kept):
            break
    picture = _picture(kept)
    if picture is None:
        raise UnreadableImageError(CUT_OFF)
    width, height = _size(picture, kept[picture])
    exif, profile = kept.get(b"EXIF", b""), kept.get(b"ICCP", b"")
    return Source(
        width,
        height,
        BYTES_PER_PIXEL * width * height,
        SECONDS_PER_BYTE * len(data) + SECONDS_PER_PIXEL * width * height,
        partial(_decode, _file(picture, kept[picture], kept.get(b"ALPH"), width, height)),
        orientation(exif) if exif else UPRIGHT,
        profile if 0 < len(profile) <= MAX_PROFILE else None,
        len(data) >= HEADER - 4 + int.from_bytes(data[4:8], "little"),
    )


def _picture(kept: dict[bytes, bytes]) -> bytes | None:
    return next((kind for kind in PICTURES if kind in kept), None)


def _chunks(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each; what the file is too short for is filled with nothing, if that is a tenth or less."""
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 8 + length]
        if len(content) < length and kind in (*OF_A_PICTURE, b"ANMF"):
            require(len(content), length, BYTES_NEEDED)
            content = content.ljust(length + length // 2, b"\0")  # nothing may take more bits than what is missing
        yield kind, content
        at += 8 + length + length % 2
    raise UnreadableImageError(DAMAGED)


def _size(kind: bytes, content: bytes) -> tuple[int, int]:
    if len(content) < 10:
        raise UnreadableImageError(CUT_OFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 6)
        return width & 0x3FFF, height & 0x3FFF
    (bits,) = struct.unpack_from("<I", content, 1)
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


def _file(kind: bytes, content: bytes, alpha: bytes | None, width: int, height: int) -> bytes:
    chunks = [(kind, content)]
    if alpha is not None and kind == b"VP8 ":
        extended = (
            struct.pack("<B3x", ALPHA_FLAG) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        )
        chunks = [(b"VP8X", extended), (b"ALPH", alpha), *chunks]
    body = b"".join(struct.pack("<4sI", name, len(part)) + part + bytes(len(part) % 2) for name, part in chunks)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WEBP") + body


def _decode(file: bytes) -> Image.Image:
    # Imported here, as the module is rarely needed; a JPEG or PNG does without.
    from PIL.WebPImagePlugin import WebPImageFile

    image = WebPImageFile(io.BytesIO(file))
    image.load()
    return image
