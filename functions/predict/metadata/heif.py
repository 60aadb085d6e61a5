"""HEIF and AVIF (ISO/IEC 14496-12 and 23008-12): boxes in boxes, and items whose bytes lie where one of them says.

Nothing may move, because places are told as offsets: what goes is overwritten.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from functions.predict.metadata.problems import UnknownStructureError

PICTURES: Final = frozenset(b"hvc1 hev1 lhv1 hvt1 av01 av1t avc1 vvc1 evc1 jpeg j2k1 unci grid iovl iden tmap".split())
OF_A_FILE: Final = frozenset((b"ftyp", b"meta", b"mdat"))
OF_META: Final = frozenset((b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat", b"grpl"))
PROPERTIES_IN_WORDS: Final = frozenset((b"udes", b"altt", b"crtt", b"mdft", b"uuid", b"free", b"skip"))
OF_STILLS: Final = {b"avis": b"avif", b"hevc": b"heic", b"hevx": b"heix", b"msf1": b"mif1"}
MOST_META: Final = 2_000_000
MOST_PAIRS: Final = 1_000_000  # of a span and a place that it may lie in
IN_FILE, IN_IDAT = 0, 1


class Span(NamedTuple):
    """Bytes of the file, from `start` on and before `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Box:
    """A box of the file, and the part of it that follows its size and kind."""

    kind: bytes
    start: int
    content: Span


@dataclass(frozen=True)
class Item:
    """A picture, or something that belongs to one: where its kind is told, and after it what it is called."""

    number: int
    kind: bytes
    told: Span


def stripped(data: bytes) -> bytes:
    """The same file, up to the last box that it needs, with zeros in place of all that is no picture: metadata, names,
    videos, unused bytes.

    Raises UnknownStructureError when it cannot be told which bytes are the picture's.
    """
    try:
        return _stripped(bytearray(data))
    except (struct.error, IndexError, StopIteration) as error:
        raise UnknownStructureError from error


def _stripped(data: bytearray) -> bytes:
    boxes = list(_boxes(data, Span(0, len(data))))
    meta = _first(boxes, b"meta")
    parts = _parts(data, meta)
    items = list(_items(data, _first(parts, b"iinf")))
    pictures = {item.number for item in items if item.kind in PICTURES}
    if _primary(data, _first(parts, b"pitm")) not in pictures:
        raise UnknownStructureError
    idat = next((part.content for part in parts if part.kind == b"idat"), Span(0, 0))
    media = [*(box.content for box in boxes if box.kind == b"mdat"), idat]
    spans, others = _spans(pictures, data, _first(parts, b"iloc"), idat)
    if len(spans) * len(media) > MOST_PAIRS:
        raise UnknownStructureError
    _require_within(spans, media)
    _require_apart(spans, others)
    for place in media:
        _wipe_between(data, place, spans)
    for box in boxes:
        if box.kind not in OF_A_FILE or (box.kind == b"meta" and box != meta):
            _wipe_box(data, box)
    _still(data, _first(boxes, b"ftyp"))
    for part in parts:
        _strip_part(data, part)
    for item in items:
        _wipe(data, item.told.start + (4 if item.kind in PICTURES else 0), item.told.end)
    return bytes(data[: max(box.content.end for box in boxes if box.kind in OF_A_FILE)])


def _first(boxes: list[Box], kind: bytes) -> Box:
    return next(box for box in boxes if box.kind == kind)


def _parts(data: bytearray, meta: Box) -> list[Box]:
    within = Span(meta.content.start + 4, meta.content.end)
    if within.end - within.start > MOST_META:
        raise UnknownStructureError
    return list(_boxes(data, within))


def _primary(data: bytearray, pitm: Box) -> int:
    version = data[pitm.content.start]
    (number,) = struct.unpack_from(">I" if version else ">H", data, pitm.content.start + 4)
    return int(number)


def _boxes(data: bytearray, within: Span) -> Iterator[Box]:
    at = within.start
    while at + 8 <= within.end:
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        end = min(at + size, within.end) if size else within.end
        if end < at + header:
            return
        yield Box(kind, at, Span(at + header, end))
        at = end


def _items(data: bytearray, iinf: Box) -> Iterator[Item]:
    entries = iinf.content.start + (6 if data[iinf.content.start] == 0 else 8)
    for box in _boxes(data, Span(entries, iinf.content.end)):
        at, version = box.content.start, data[box.content.start]
        if version < 2:  # without a kind, and so no picture
            yield Item(struct.unpack_from(">H", data, at + 4)[0], b"", Span(at + 8, box.content.end))
            continue
        number, _, kind = struct.unpack_from(">IH4s" if version > 2 else ">HH4s", data, at + 4)
        yield Item(number, kind, Span(at + (10 if version > 2 else 8), box.content.end))


def _spans(pictures: set[int], data: bytearray, iloc: Box, idat: Span) -> tuple[list[Span], list[Span]]:
    """Where the pictures are, and where everything else is; each in order."""
    version, sizes = struct.unpack_from(">B3xH", data, iloc.content.start)
    reader = _Reader(data, iloc.content.start + 6)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version in (1, 2) else 0
    spans, others = list[Span](), list[Span]()
    for _ in range(reader.number(2 if version < 2 else 4)):
        item = reader.number(2 if version < 2 else 4)
        method = reader.number(2) & 15 if version in (1, 2) else IN_FILE
        reader.number(2)
        base, count = reader.number(base_size), reader.number(2)
        if item in pictures and method not in (IN_FILE, IN_IDAT):
            raise UnknownStructureError
        whole = idat if method == IN_IDAT else Span(0, len(data))
        for _ in range(count if offset_size + length_size + index_size else min(count, 1)):
            reader.number(index_size)
            start = whole.start + base + reader.number(offset_size)
            length = reader.number(length_size)
            span = Span(start, min(start + length, whole.end) if length else whole.end)
            if span.start < span.end:
                (spans if item in pictures else others).append(span)
    return sorted(spans), sorted(others)


class _Reader:
    def __init__(self, data: bytearray, at: int) -> None:
        self.data, self.at = data, at

    def number(self, size: int) -> int:
        found = self.data[self.at : self.at + size]
        if len(found) < size:
            raise UnknownStructureError
        self.at += size
        return int.from_bytes(found)


def _require_within(spans: list[Span], places: list[Span]) -> None:
    for span in spans:
        if not any(place.start <= span.start and span.end <= place.end for place in places):
            raise UnknownStructureError


def _require_apart(spans: list[Span], others: list[Span]) -> None:
    both = sorted([*((span, True) for span in spans), *((span, False) for span in others)])
    ends = {True: 0, False: 0}
    for span, is_picture in both:
        if span.start < ends[not is_picture]:
            raise UnknownStructureError
        ends[is_picture] = max(ends[is_picture], span.end)


def _still(data: bytearray, ftyp: Box) -> None:
    for at in range(
        ftyp.content.start, ftyp.content.end - 3, 4
    ):  # a sequence would be looked for in a box that is gone
        brand = bytes(data[at : at + 4])
        data[at : at + 4] = OF_STILLS.get(brand, brand)


def _strip_part(data: bytearray, part: Box) -> None:
    if part.kind not in OF_META:
        _wipe_box(data, part)
    elif part.kind == b"hdlr":
        _wipe(data, part.content.start + 24, part.content.end)  # its name
    elif part.kind == b"iprp":
        containers = [box.content for box in _boxes(data, part.content) if box.kind == b"ipco"]
        for described in (box for place in containers for box in _boxes(data, place)):
            if described.kind in PROPERTIES_IN_WORDS:
                _wipe_box(data, described)


def _wipe_between(data: bytearray, place: Span, spans: list[Span]) -> None:
    at = place.start
    for start, end in spans:
        if place.start <= start < place.end:
            _wipe(data, at, start)
            at = max(at, end)
    _wipe(data, at, place.end)


def _wipe_box(data: bytearray, box: Box) -> None:
    data[box.start + 4 : box.start + 8] = b"free"
    _wipe(data, *box.content)


def _wipe(data: bytearray, start: int, end: int) -> None:
    if start < end:
        data[start:end] = bytes(end - start)
