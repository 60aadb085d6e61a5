"""PNG (W3C, Portable Network Graphics, third edition): a signature, and then chunks."""

import zlib
from collections.abc import Iterator
from typing import Final

from functions.predict.metadata import orientation

SIGNATURE: Final = 8
# Pixels, what their values mean, how they are laid out and, in an animation, when they are shown.
OF_THE_PICTURE: Final = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs acTL fcTL fdAT".split()
)
TEXTS: Final = frozenset((b"tEXt", b"zTXt", b"iTXt"))
EXIF_AS_TEXT: Final = b"Raw profile type exif"
XMP: Final = b"XML:com.adobe.xmp"
MOST_TEXT: Final = 1_000_000


def stripped(data: bytes) -> bytes:
    """The picture with its colours and its orientation, and nothing that follows it."""
    kept = [data[:SIGNATURE]]
    ups: list[int | None] = []
    place = 0
    for kind, chunk in _chunks(data):
        if kind in OF_THE_PICTURE:
            place = place or (len(kept) if kind == b"IDAT" else 0)
            kept.append(chunk)
        elif kind == b"eXIf":
            place = place or len(kept)
            ups.insert(0, orientation.of_exif(chunk[8:-4]))
        elif kind in TEXTS:
            ups.append(_orientation_of_text(kind, chunk[8:-4]))
    up = next(filter(None, ups), orientation.UPRIGHT)
    if up != orientation.UPRIGHT and place:
        kept.insert(place, _chunk(b"eXIf", orientation.block(up)))
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


def _orientation_of_text(kind: bytes, content: bytes) -> int | None:
    keyword, _, rest = content.partition(b"\0")
    if keyword not in (EXIF_AS_TEXT, XMP):
        return None
    text = _text(kind, rest)
    if keyword == XMP:
        return orientation.of_xmp(text)
    try:  # ImageMagick's form: a name and a length on lines of their own, then hexadecimal digits
        return orientation.of_exif(bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii")))
    except ValueError:
        return None


def _text(kind: bytes, rest: bytes) -> bytes:
    if kind == b"zTXt":
        return _inflated(rest[1:])
    if kind == b"iTXt":
        text = rest[2:].split(b"\0", 2)[-1]
        return _inflated(text) if rest[:1] == b"\1" else text
    return rest


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, MOST_TEXT)
    except zlib.error:
        return b""


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)
