"""JPEG (ITU T.81): its markers, and a stream that holds nothing but what its pixels need."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.formats.problems import UnreadableImageError
from functions.predict.formats.source import CUT_OFF, DAMAGED, MAX_PROFILE, ROWS_NEEDED, Source, require

SOI: Final = b"\xff\xd8"
EOI: Final = b"\xff\xd9"
SOS: Final = 0xDA
APP0, APP1, APP2, APP14, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
MARKER: Final = re.compile(rb"\xff[\x02-\xcf\xda-\xfe]")  # with a length: TEM, RSTn, SOI and EOI have none
FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SEQUENTIAL: Final = frozenset((0xC0, 0xC1, 0xC9))
ARITHMETIC: Final = frozenset(range(0xC9, 0xD0))
SCALES: Final = (1, 2, 4, 8)  # down to which libjpeg decodes
PILLOW_PIXEL: Final = 4  # bytes
MAX_SEGMENTS: Final = 20_000
FILL: Final = range(126, 131)  # what libjpeg puts where data end, in each channel
# Measured with libjpeg-turbo 3.2 on one core of 2.6 GHz, rounded up.
SECONDS_PER_BYTE: Final = 1.2e-8
SECONDS_PER_ARITHMETIC_BYTE: Final = 1e-7
SECONDS_PER_PIXEL: Final = 1.5e-9
SECONDS_PER_PIXEL_AND_SCAN: Final = 1.5e-9


@dataclass(frozen=True)
class _Frame:
    kind: int
    precision: int
    width: int
    height: int
    sampling: tuple[tuple[int, int], ...]

    @property
    def samples_per_pixel(self) -> float:
        widest, highest = (max(factors) for factors in zip(*self.sampling, strict=True))
        return float(sum(h * v for h, v in self.sampling) / (widest * highest))


@dataclass
class _Head:
    """What stands before the first scan."""

    kept: list[bytes] = field(default_factory=lambda: [SOI])
    exif: bytes = b""
    profile: dict[bytes, bytes] = field(default_factory=dict)
    frame: _Frame | None = None

    def add(self, marker: int, segment: bytes) -> None:
        content = segment[4:]
        if marker == APP1 and content.startswith(b"Exif\0\0"):
            self.exif = self.exif or content
        elif marker == APP2 and content.startswith(b"ICC_PROFILE\0"):
            self.profile[content[12:13]] = content[14:]
        elif _carries_pixels(marker, content):
            self.kept.append(segment)
        if marker in FRAMES:
            self.frame = _frame(marker, content)


def read(data: bytes, side: int) -> Source:
    """Raises UnreadableImageError when its header is damaged, or of a kind of JPEG that cannot be decoded."""
    head = _Head()
    for marker, start, end in _segments(data):
        head.add(marker, data[start:end])
        if marker == SOS:
            return _source(head, data, end, side)
    raise UnreadableImageError(CUT_OFF)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of every segment up to the first scan; what stands between segments is skipped."""
    end = len(SOI)
    for _ in range(MAX_SEGMENTS):
        found = MARKER.search(data, end)
        if found is None:
            return
        start = found.start()
        end = start + 2 + int.from_bytes(data[start + 2 : start + 4])
        if end > len(data):
            return
        yield data[start + 1], start, max(end, start + 4)
    raise UnreadableImageError(DAMAGED)


def _carries_pixels(marker: int, content: bytes) -> bool:
    """JFIF's and Adobe's markers do: they tell how colours are stored."""
    if marker == APP0:
        return content.startswith(b"JFIF\0") and len(content) >= 14
    if marker == APP14:
        return content.startswith(b"Adobe") and len(content) >= 12
    return not (APP0 <= marker <= 0xEF or marker == COM)


def _frame(kind: int, content: bytes) -> _Frame:
    sampling = tuple((byte >> 4, byte & 15) for byte in content[7::3])
    width, height = int.from_bytes(content[3:5]), int.from_bytes(content[1:3])
    if not sampling or len(content) < 6 + 3 * content[5] or not all(h and v for h, v in sampling):
        raise UnreadableImageError(DAMAGED)
    if content[0] != 8:
        raise UnreadableImageError(
            f"The photo is a JPEG of {content[0]} bits per sample, which is not supported; send it with 8."
        )
    return _Frame(kind, content[0], width, height, sampling)


def _source(head: _Head, data: bytes, begin: int, side: int) -> Source:
    frame = head.frame
    if frame is None:
        raise UnreadableImageError(DAMAGED)
    scans = 1
    if frame.kind not in SEQUENTIAL or head.kept[-1][4] < len(frame.sampling):
        scans += data.count(b"\xff\xda", begin)
    profile = b"".join(head.profile[part] for part in sorted(head.profile))
    return Source(
        frame.width,
        frame.height,
        _memory(frame, scans, side),
        _seconds(frame, scans, len(data)),
        partial(_decode, b"".join((*head.kept, memoryview(data)[begin:])), side),
        orientation(head.exif) if head.exif else UPRIGHT,
        profile if 0 < len(profile) <= MAX_PROFILE else None,
    )


def _ended(stream: bytes) -> bytes:
    """With an end marker, and without a table or header that is itself cut off."""
    for last in MARKER.finditer(stream, max(0, len(stream) - 0xFFFF - 2)):
        start = last.start()
        if start + 2 + int.from_bytes(stream[start + 2 : start + 4]) > len(stream):
            return stream[:start] + EOI
    return stream + EOI


def _memory(frame: _Frame, scans: int, side: int) -> int:
    """In bytes: of the coefficients, which several scans are gathered in, and of the picture."""
    coefficients = 2 * frame.width * frame.height * frame.samples_per_pixel if scans > 1 else 0
    scale = max((scale for scale in SCALES if min(frame.width, frame.height) >= scale * 2 * side), default=1)
    return int(coefficients) + PILLOW_PIXEL * frame.width * frame.height // scale**2


def _seconds(frame: _Frame, scans: int, size: int) -> float:
    per_byte = SECONDS_PER_ARITHMETIC_BYTE if frame.kind in ARITHMETIC else SECONDS_PER_BYTE
    per_pixel = SECONDS_PER_PIXEL + (SECONDS_PER_PIXEL_AND_SCAN * scans if scans > 1 else 0)
    return per_byte * size + per_pixel * frame.width * frame.height


def _decode(stream: bytes, side: int) -> Image.Image:
    try:
        return _load(stream, side)
    except OSError:
        if EOI in stream:
            raise
    image = _load(_ended(stream), side)
    require(image.height - _filled_rows(image), image.height, ROWS_NEEDED)
    return image


def _load(stream: bytes, side: int) -> Image.Image:
    image = JpegImageFile(io.BytesIO(stream))
    image.draft("RGB", (2 * side, 2 * side))
    image.load()
    return image


def _filled_rows(image: Image.Image) -> int:
    """How many rows at the bottom hold what libjpeg fills in for data that are not there."""
    rows = np.asarray(image).reshape(image.height, -1)
    drawn = np.flatnonzero(((rows < FILL.start) | (rows >= FILL.stop)).any(axis=1))
    return image.height - 1 - int(drawn[-1]) if drawn.size else image.height
