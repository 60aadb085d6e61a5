"""WebP (RFC 9649): a RIFF file, whose chunks begin with their type and length and are padded to even lengths."""

from collections.abc import Iterator
from typing import Final

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.metadata.orientation import block

FRAME_HEADER: Final = 16
OF_THE_PICTURE: Final = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ICCP"))
LENGTHS: Final = {b"VP8X": 10, b"ANIM": 6}
EXTENDED: Final = b"VP8X" + (10).to_bytes(4, "little")
HAS_EXIF, HAS_XMP = 0x08, 0x04


def stripped(data: bytes) -> bytes:
    """The picture, or pictures, with alpha channel, colour profile and orientation, and nothing that follows them."""
    end = 8 + int.from_bytes(data[4:8], "little")
    kept: list[bytes] = []
    exif = b""
    for kind, content in _chunks(data[12:end]):
        if kind == b"EXIF":
            exif = exif or content
        kept += filter(None, [_kept(kind, content)])
    if not kept or not kept[0].startswith(EXTENDED):
        return _file(kept[:1])
    up = orientation(exif)
    kept[0] = _flagged(kept[0], up != UPRIGHT)
    return _file(kept if up == UPRIGHT else [*kept, _chunk(b"EXIF", block(up))])


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : end]
        at = end + end % 2


def _kept(kind: bytes, content: bytes) -> bytes:
    if kind == b"ANMF":
        inner = b"".join(_kept(*chunk) for chunk in _chunks(content[FRAME_HEADER:]))
        return _chunk(kind, content[:FRAME_HEADER] + inner)
    return _chunk(kind, content[: LENGTHS.get(kind)]) if kind in OF_THE_PICTURE else b""


def _flagged(extended: bytes, has_exif: bool) -> bytes:
    flags = extended[8] & ~(HAS_EXIF | HAS_XMP) | (HAS_EXIF if has_exif else 0)
    return extended[:8] + bytes((flags,)) + extended[9:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def _file(chunks: list[bytes]) -> bytes:
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(content).to_bytes(4, "little") + content
