"""JPEG (ITU-T T.81, annex B): segments, and after the header of each scan its data."""

import re
from collections.abc import Iterator
from typing import Final

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.metadata.orientation import IDENTIFIER, block

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP1, APP2, APP14 = 0xE0, 0xE1, 0xE2, 0xEE
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
    at = 2
    while found := MARKER.search(data, at):
        marker, start = found[1][0], found.start()
        if marker == SOI:
            return
        if marker == EOI:
            yield marker, found[0]
            return
        at = found.end()
        if marker in WITHOUT_LENGTH:
            continue
        at += max(2, int.from_bytes(data[at : at + 2]))
        if marker == SOS:
            following = MARKER_AFTER_SCAN.search(data, at)
            at = following.start() if following else len(data)
        yield marker, data[start:at]


def _kept(marker: int, segment: bytes) -> bytes:
    content = segment[4:]
    if marker == APP0 and content.startswith(b"JFIF\0") and len(content) >= 14:
        return segment if len(content) == 14 else _segment(APP0, content[:12] + bytes(2))  # without its thumbnail
    if marker == APP14 and content.startswith(b"Adobe") and len(content) >= 12:
        return _segment(APP14, content[:12])
    is_kept = marker == EOI or marker in OF_THE_PICTURE or (marker == APP2 and content.startswith(b"ICC_PROFILE\0"))
    return segment if is_kept else b""


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content
