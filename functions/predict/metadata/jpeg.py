"""JPEG (ITU-T T.81, annex B): segments, and after the header of each scan its data."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.metadata.orientation import IDENTIFIER, block

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
DHT, DAC, DQT, DNL, DRI, EXP = 0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDF
MOST_SETTINGS: Final = 32  # bytes of what an arithmetic coder is set to, or how a picture is expanded
OF_METADATA: Final = (b"Exif\0", b"http://ns.adobe.com/", b"Photoshop 3.0\0", b"JFXX\0", b"MPF\0", b"FPXR\0")
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
END: Final = b"\xff\xd9"
WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xD8)))
# Frames, tables, scans and what belongs to them; no comments, and no application segment but those below.
OF_THE_PICTURE: Final = frozenset((*range(0xC0, 0xD0), *range(0xDA, 0xE0))) - {0xC8}
MARKER: Final = re.compile(rb"\xff([^\x00\xff])")
MARKER_AFTER_SCAN: Final = re.compile(rb"\xff([\xc0-\xcf\xd8-\xef\xfe])")


def stripped(data: bytes) -> bytes:
    """The first picture of a file: what it is decoded from, its colour profile and its orientation, and nothing that
    follows it (previews, depth maps, the video of a motion photo)."""
    kept = [data[:2]]
    exif = b""
    for marker, segment in _segments(data):
        if marker == APP1 and segment.startswith(IDENTIFIER, 4):
            exif = exif or segment[4:]
        kept.append(_kept(marker, segment))
    up = orientation(exif)
    if up != UPRIGHT:
        place = 2 if len(kept) > 1 and kept[1].startswith(b"\xff\xe0") else 1
        kept.insert(place, _segment(APP1, IDENTIFIER + block(up)))
    return b"".join(kept)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at, scanned = 2, False
    while found := MARKER.search(data, at):
        marker, start = found[1][0], found.start()
        if marker in (SOI, EOI) and scanned:
            yield EOI, END
            return
        at = found.end()
        if marker in WITHOUT_LENGTH or marker in (SOI, EOI):  # before its scans a picture has no end
            continue
        length = max(2, int.from_bytes(data[at : at + 2]))
        if marker == SOS:
            scanned = True
            at += min(length, 6 + 2 * int.from_bytes(data[at + 2 : at + 3]))
            following = MARKER_AFTER_SCAN.search(data, at)
            at = following.start() if following else len(data)
        else:
            at += length
        yield marker, data[start:at]


def _kept(marker: int, segment: bytes) -> bytes:
    content = segment[4:]
    if marker == APP0 and content.startswith(b"JFIF\0") and len(content) >= 14:
        return segment if len(content) == 14 else _segment(APP0, content[:12] + bytes(2))  # without its thumbnail
    if marker == APP14 and content.startswith(b"Adobe") and len(content) >= 12:
        return _segment(APP14, content[:12])
    if marker == APP2 and content.startswith(b"ICC_PROFILE\0"):
        return b"" if any(name in content for name in OF_METADATA) else segment
    if marker in (EOI, SOS):
        return segment
    return _segment(marker, content[: _length(marker, content)]) if marker in OF_THE_PICTURE else b""


def _length(marker: int, content: bytes) -> int:
    """Of how many bytes a segment makes sense (B.2.2 and B.2.4); one that says it has more may have taken in others."""
    if marker == DHT:
        return _tables(content, lambda at: 17 + sum(content[at + 1 : at + 17]))
    if marker == DQT:
        return _tables(content, lambda at: 129 if content[at] >> 4 else 65)
    if marker in (DRI, DNL):
        return 2
    if marker in (DAC, EXP):
        return len(content) if len(content) <= MOST_SETTINGS else 0
    return 6 + 3 * content[5] if len(content) > 5 else 0


def _tables(content: bytes, size: Callable[[int], int]) -> int:
    at = 0
    while at < len(content) and content[at] >> 4 <= 1 and content[at] & 15 < 4 and at + size(at) <= len(content):
        at += size(at)
    return at


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content
