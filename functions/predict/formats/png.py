"""PNG (W3C, third edition): its chunks, and a stream that holds nothing but what its pixels need."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.formats.problems import UnreadableImageError
from functions.predict.formats.source import CUT_OFF, DAMAGED, MAX_PROFILE, ROWS_NEEDED, Source, require

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE = 0, 2, 3
CHANNELS: Final = {GREY: 1, RGB: 3, PALETTE: 1, 4: 2, 6: 4}
SMALL_MODES: Final = (GREY, PALETTE)  # grey and palette take one or two bytes a pixel in Pillow, the others four
PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
COPIES: Final = 2  # of the compressed pixels
STEP: Final = 1024
LAST_FILTER: Final = 4
MAX_CHUNKS: Final = 200_000
# Measured with zlib-ng 2.3 on one core of 2.6 GHz, rounded up.
SECONDS_PER_BYTE: Final = 1.5e-8
SECONDS_PER_RAW_BYTE: Final = 3.8e-9
SECONDS_PER_PIXEL: Final = 1e-9
SECONDS_PER_CONVERTED_PIXEL: Final = 1.3e-8


@dataclass
class _Chunks:
    header: bytes = b""
    palette: bytes = b""
    transparency: bytes = b""
    exif: bytes = b""
    profile: bytes = b""
    data: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def passes(self) -> list[tuple[int, int]]:
        """Bytes of a row, with its filter, and number of rows; of each pass where the picture is interlaced."""
        sizes = [(self.width, self.height)]
        if self.interlaced:
            sizes = [(-(-(self.width - x) // dx), -(-(self.height - y) // dy)) for x, y, dx, dy in PASSES]
        bits = self.depth * CHANNELS[self.colour]
        return [(1 + (width * bits + 7) // 8, height) for width, height in sizes if width > 0 and height > 0]

    @property
    def raw(self) -> int:
        return sum(row * rows for row, rows in self.passes)


def read(data: bytes, _: int) -> Source:
    """Raises UnreadableImageError when its header is damaged or its pixels are missing."""
    chunks = _chunks(data)
    header = _header(chunks.header)
    if not chunks.data:
        raise UnreadableImageError(CUT_OFF)
    pixel = header.depth // 8 or 1 if header.colour in SMALL_MODES else 4
    return Source(
        header.width,
        header.height,
        header.width * header.height * pixel + COPIES * len(data),
        _seconds(header, len(data), bool(chunks.transparency)),
        partial(_decode, chunks, header),
        orientation(chunks.exif) if chunks.exif else UPRIGHT,
        _inflated_profile(chunks.profile),
    )


def _chunks(data: bytes) -> _Chunks:
    """What is needed of each chunk, whatever its checksum; the first picture where there are several."""
    found = _Chunks()
    for kind, content in _walk(data):
        if kind == b"IHDR":
            found.header = found.header or content
        elif kind == b"PLTE":
            found.palette = found.palette or content
        elif kind == b"tRNS":
            found.transparency = found.transparency or content
        elif kind == b"eXIf":
            found.exif = found.exif or content
        elif kind == b"iCCP":
            found.profile = found.profile or content
        elif kind == b"IDAT":
            found.data.append(content)
        elif kind == b"IEND":
            break
    return found


def _walk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        at += 12 + length
    raise UnreadableImageError(DAMAGED)


def _header(content: bytes) -> _Header:
    if len(content) < 13:
        raise UnreadableImageError(CUT_OFF)
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", content)
    if colour not in CHANNELS or depth not in (1, 2, 4, 8, 16):
        raise UnreadableImageError(DAMAGED)
    return _Header(width, height, depth, colour, bool(interlaced))


def _seconds(header: _Header, size: int, transparent: bool) -> float:
    as_it_is = header.colour == RGB or (header.colour == GREY and 1 < header.depth < 16)
    per_pixel = SECONDS_PER_PIXEL + (0 if as_it_is and not transparent else SECONDS_PER_CONVERTED_PIXEL)
    return SECONDS_PER_BYTE * size + SECONDS_PER_RAW_BYTE * header.raw + per_pixel * header.width * header.height


def _inflated_profile(content: bytes) -> bytes | None:
    compressed = content[content.find(b"\0") + 2 :]
    try:
        return zlib.decompressobj().decompress(compressed, MAX_PROFILE) or None
    except zlib.error:
        return None


def _decode(chunks: _Chunks, header: _Header) -> Image.Image:
    data = b"".join(chunks.data)
    parts = ((b"IHDR", chunks.header[:13]), (b"PLTE", chunks.palette), (b"tRNS", chunks.transparency), (b"IDAT", data))
    written = (_chunk(kind, content) for kind, content in parts if content)
    image = PngImageFile(io.BytesIO(b"".join((SIGNATURE, *written, _chunk(b"IEND", b"")))))
    try:
        image.load()
    except OSError:
        there, sound = _raw_bytes(data, header)
        require(there, header.raw, ROWS_NEEDED, CUT_OFF if sound else DAMAGED)
        image.tile = []  # what Pillow has decoded so far is the picture
    return image


def _chunk(kind: bytes, content: bytes) -> bytes:
    # Pillow checks no checksum of pixels, and that of a large photo costs time.
    checksum = 0 if kind == b"IDAT" else zlib.crc32(kind + content)
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", checksum)


def _raw_bytes(data: bytes, header: _Header) -> tuple[int, bool]:
    """How many bytes of the pixels are there, and whether that is where they end and not where they are damaged."""
    inflate, written, row = zlib.decompressobj(), 0, header.passes[0][0]
    for at in range(0, len(data), STEP):
        try:
            piece = inflate.decompress(data[at : at + STEP])
        except zlib.error:
            return written, False
        if not header.interlaced and max(piece[-written % row :: row], default=0) > LAST_FILTER:
            return written, False
        written += len(piece)
        if written >= header.raw:
            break
    return min(written, header.raw), True
