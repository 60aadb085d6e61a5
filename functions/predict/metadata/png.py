"""PNG (W3C, Portable Network Graphics, third edition): a signature, and then chunks."""

import zlib
from collections.abc import Iterator
from typing import Final

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.metadata.orientation import block

SIGNATURE: Final = 8
# Pixels, what their values mean, how they are laid out and, in an animation, when they are shown.
OF_THE_PICTURE: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs acTL fcTL fdAT".split()
)


def stripped(data: bytes) -> bytes:
    """The picture with its colours and its orientation, and nothing that follows it."""
    kept = [data[:SIGNATURE]]
    up, place = UPRIGHT, 0
    for kind, chunk in _chunks(data):
        if kind == b"eXIf" and up == UPRIGHT:
            up, place = orientation(chunk[8:-4]), place or len(kept)
        if kind == b"IDAT":
            place = place or len(kept)
        if kind in OF_THE_PICTURE:
            kept.append(chunk)
    if up != UPRIGHT:
        kept.insert(place, _chunk(b"eXIf", block(up)))
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = SIGNATURE
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4])
        yield kind, data[at:end]
        if kind == b"IEND":
            return
        at = end


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)
