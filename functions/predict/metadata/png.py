"""PNG (W3C, Portable Network Graphics, third edition): a signature, and then chunks."""

import zlib
from collections.abc import Iterator
from typing import Final

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.metadata.orientation import block
from functions.predict.metadata.problems import UnknownStructureError

SIGNATURE: Final = 8
# Pixels, what their values mean, how they are laid out and, in an animation, when they are shown.
OF_THE_PICTURE: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs acTL fcTL fdAT".split()
)

OF_METADATA: Final = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"caBX", b"sPLT")


def stripped(data: bytes) -> bytes:
    """The picture with its colours and its orientation, and nothing that follows it.

    Raises UnknownStructureError when a chunk's wrong length may have taken in metadata.
    """
    kept = [data[:SIGNATURE]]
    up, place = UPRIGHT, 0
    for kind, chunk in _chunks(data):
        if kind == b"eXIf" and up == UPRIGHT:
            up, place = orientation(chunk[8:-4]), place or len(kept)
        if kind == b"IDAT":
            place = place or len(kept)
        if kind in OF_THE_PICTURE:
            _require_sound(chunk)
            kept.append(chunk)
    if up != UPRIGHT:
        kept.insert(place, _chunk(b"eXIf", block(up)))
    return b"".join(kept)


def _require_sound(chunk: bytes) -> None:
    is_cut_off = len(chunk) < 12 + int.from_bytes(chunk[:4])
    if is_cut_off and any(kind in chunk for kind in OF_METADATA):
        raise UnknownStructureError
    if not is_cut_off and zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
        raise UnknownStructureError


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
