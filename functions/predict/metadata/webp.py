"""WebP (RFC 9649): a RIFF file, whose chunks begin with their type and length and are padded to even lengths."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.metadata.orientation import block
from functions.predict.metadata.problems import UnknownStructureError

FRAME_HEADER: Final = 16
OF_THE_PICTURE: Final = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ICCP"))
LENGTHS: Final = {b"VP8X": 10, b"ANIM": 6}
EXTENDED: Final = b"VP8X" + (10).to_bytes(4, "little")
HAS_EXIF, HAS_XMP = 0x08, 0x04
PICTURES: Final = (b"VP8 ", b"VP8L")
OF_METADATA: Final = (b"EXIF", b"XMP ")


class _Chunk(NamedTuple):
    """A chunk, which says that it has `length` bytes and may have fewer."""

    kind: bytes
    length: int
    content: bytes


def stripped(data: bytes) -> bytes:
    """The picture, or pictures, with alpha channel, colour profile and orientation, and nothing that follows them.

    Raises UnknownStructureError when a chunk's wrong length may have taken in metadata.
    """
    chunks = list(_chunks(data[12:]))
    exif = next((chunk.content for chunk in chunks if chunk.kind == b"EXIF"), b"")
    kept = _kept_of(chunks)
    if not kept or not kept[0].startswith(EXTENDED):
        return _file([chunk for chunk in kept if chunk.startswith(PICTURES)][:1])
    up = orientation(exif)
    kept[0] = _flagged(kept[0], up != UPRIGHT)
    return _file(kept if up == UPRIGHT else [*kept, _chunk(b"EXIF", block(up))])


def _chunks(data: bytes) -> Iterator[_Chunk]:
    at = 0
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length
        yield _Chunk(data[at : at + 4], length, data[at + 8 : end])
        at = end + end % 2


def _kept_of(chunks: Iterable[_Chunk]) -> list[bytes]:
    kept: list[bytes] = []
    for chunk in chunks:
        is_late = chunk.kind == b"ALPH" and any(one.startswith(PICTURES) for one in kept)  # nobody looks at it there
        kept += [] if is_late else filter(None, [_kept(chunk)])
    return kept


def _kept(chunk: _Chunk) -> bytes:
    kind, length, content = chunk
    if kind == b"ANMF":
        inner = b"".join(_kept_of(_chunks(content[FRAME_HEADER:])))
        return _chunk(kind, content[:FRAME_HEADER] + inner)
    if kind not in OF_THE_PICTURE:
        return b""
    if any(other in content for other in OF_METADATA):
        raise UnknownStructureError
    if len(content) < length:  # cut off, which a reader has to see
        return kind + length.to_bytes(4, "little") + content
    return _chunk(kind, content[: LENGTHS.get(kind)])


def _flagged(extended: bytes, has_exif: bool) -> bytes:
    flags = extended[8] & ~(HAS_EXIF | HAS_XMP) | (HAS_EXIF if has_exif else 0)
    return extended[:8] + bytes((flags,)) + extended[9:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def _file(chunks: list[bytes]) -> bytes:
    content = b"WEBP" + b"".join(chunks)
    return b"RIFF" + len(content).to_bytes(4, "little") + content
