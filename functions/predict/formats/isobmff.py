"""HEIC and AVIF: the boxes (ISO/IEC 14496-12 and 23008-12) that tell how large a photo is and what it is made of."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from functions.predict.formats.problems import UnreadableImageError
from functions.predict.formats.source import CUT_OFF, DAMAGED

CONTAINERS: Final = {b"meta": 4, b"iprp": 0}
METADATA: Final = (b"Exif", b"mime", b"uri ")
DESCRIPTION: Final = b"cdsc"  # the reference by which an item describes a picture
MOST_OWNED: Final = 255  # properties of an item, as their number has one byte
MOST_TOLD: Final = 4  # times the file's length that all items together may have
DERIVED: Final = (b"grid", b"iovl", b"iden", b"tmap")
MAX_BOXES: Final = 20_000
MAX_THINGS: Final = 100_000
MAX_DEPTH: Final = 2  # a mask, its grid, the tiles


@dataclass
class Boxes:
    """What stands in a file's meta box. `metadata` are the places of the types of items that hold no picture, and of
    references from such."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    owned: dict[int, list[int]] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    auxiliaries: dict[int, list[int]] = field(default_factory=dict)
    metadata: list[int] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    things: int = 0

    @property
    def end(self) -> int:
        """Where in the file the main picture, or the last of its tiles, ends."""
        return max(self.ends.get(item, 0) for item in (self.primary, *self.parts.get(self.primary, [])))

    def counted(self, things: int) -> int:
        """That many things to read; raises UnreadableImageError when they are more than any photo has."""
        self.things += things
        if self.things > MAX_THINGS:
            raise UnreadableImageError(DAMAGED)
        return things

    def of(self, item: int, kind: bytes) -> bytes | None:
        """A property of an item."""
        for index in self.owned.get(item, [])[:MOST_OWNED]:
            if 0 < index <= len(self.properties) and self.properties[index - 1][0] == kind:
                return self.properties[index - 1][1]
        return None

    def size(self, item: int) -> tuple[int, int]:
        """Width and height of an item, in pixels, before it is turned."""
        extents = self.of(item, b"ispe")
        if extents is None or len(extents) < 12:
            raise UnreadableImageError(DAMAGED)
        width, height = struct.unpack_from(">II", extents, 4)
        return width, height

    def coded_pixels(self, item: int, depth: int = 0) -> int:
        """How many pixels have to be decoded for an item: its own, or those of all its tiles, and of its mask."""
        if depth > MAX_DEPTH:
            raise UnreadableImageError(DAMAGED)
        others = set(self.auxiliaries.get(item, []))
        auxiliaries = [other for other in others if b"alpha" in (self.of(other, b"auxC") or b"")]
        masks = sum(self.coded_pixels(mask, depth + 1) for mask in auxiliaries)
        if self.kinds.get(item) not in DERIVED:
            width, height = self.size(item)
            return width * height + masks
        tiles: dict[int, int] = {}
        for tile in self.parts.get(item, []):
            tiles[tile] = tiles.get(tile, 0) + 1
        return masks + sum(count * self.coded_pixels(tile, depth + 1) for tile, count in tiles.items())


class _Numbers:
    """Whole numbers one after another, big end first; 0 after the end."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._bytes = io.BytesIO(data[at:end])

    def take(self, size: int) -> int:
        return int.from_bytes(self._bytes.read(size))


def read(data: bytes) -> Boxes:
    """Raises UnreadableImageError when the meta box is missing or damaged."""
    boxes = Boxes()
    try:
        _read(data, 0, len(data), boxes)
    except (struct.error, IndexError) as error:
        raise UnreadableImageError(DAMAGED) from error
    if not boxes.kinds:
        raise UnreadableImageError(CUT_OFF)
    return boxes


def without_metadata(data: bytes, boxes: Boxes) -> bytes:
    """The same file, in which items of metadata, and references from any, are of a type that decoders pass over."""
    if not boxes.metadata:
        return data
    changed = bytearray(data)
    for place in boxes.metadata:
        changed[place : place + 4] = b"skip"
    return bytes(changed)


def _walk(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, start)
            start += 8
        stop = end if length == 0 else at + length
        if stop < start:
            raise UnreadableImageError(DAMAGED)
        yield kind, start, stop
        at = stop
    raise UnreadableImageError(DAMAGED)


def _read(data: bytes, at: int, end: int, boxes: Boxes) -> None:
    for kind, start, stop in _walk(data, at, end):
        stop = min(stop, end)
        if kind in CONTAINERS:
            _read(data, start + CONTAINERS[kind], stop, boxes)
        elif kind == b"pitm":
            boxes.primary = int.from_bytes(data[start + 4 : start + (8 if data[start] else 6)])
        elif kind == b"iinf":
            _read_items(data, start + (8 if data[start] else 6), stop, boxes)
        elif kind == b"iloc":
            _read_locations(data, start, stop, boxes)
        elif kind == b"iref":
            _read_references(data, start, stop, boxes)
        elif kind == b"ipma":
            _read_ownership(data, start, stop, boxes)
        elif kind == b"ipco":
            boxes.properties = [(name, data[begin:until]) for name, begin, until in _walk(data, start, stop)]


def _read_items(data: bytes, at: int, end: int, boxes: Boxes) -> None:
    for kind, start, _ in _walk(data, at, end):
        if kind != b"infe" or data[start] < 2:
            continue
        width = 4 if data[start] >= 3 else 2
        item = int.from_bytes(data[start + 4 : start + 4 + width])
        place = start + 4 + width + 2
        boxes.kinds[item] = data[place : place + 4]
        if boxes.kinds[item] in METADATA:
            boxes.metadata.append(place)


def _read_locations(data: bytes, at: int, end: int, boxes: Boxes) -> None:
    numbers = _Numbers(data, at, end)
    version, _ = numbers.take(1), numbers.take(3)
    (offset, length), (base, index) = divmod(numbers.take(1), 16), divmod(numbers.take(1), 16)
    width, told = (4 if version == 2 else 2), 0
    for _ in range(boxes.counted(numbers.take(width))):
        item = numbers.take(width)
        in_file = version == 0 or numbers.take(2) & 15 == 0
        _, begin, extents = numbers.take(2), numbers.take(base), boxes.counted(numbers.take(2))
        for _ in range(extents):
            numbers.take(index if version else 0)
            start, size = begin + numbers.take(offset), numbers.take(length)
            boxes.ends[item] = max(boxes.ends.get(item, 0), start + size if in_file else 0)
            told += size or len(data)
    if told > MOST_TOLD * len(data):  # decoders make a copy of each
        raise UnreadableImageError(DAMAGED)


def _read_references(data: bytes, at: int, end: int, boxes: Boxes) -> None:
    width = 4 if data[at] else 2
    for kind, start, stop in _walk(data, at + 4, end):
        numbers = _Numbers(data, start, min(stop, end))
        source, count = numbers.take(width), boxes.counted(numbers.take(2))
        targets = [numbers.take(width) for _ in range(count)]
        if kind == DESCRIPTION:
            boxes.metadata.append(data.rindex(DESCRIPTION, at, start))
        elif kind == b"dimg":
            boxes.parts.setdefault(source, []).extend(targets)
        elif kind == b"auxl":
            for target in targets:
                boxes.auxiliaries.setdefault(target, []).append(source)


def _read_ownership(data: bytes, at: int, end: int, boxes: Boxes) -> None:
    numbers = _Numbers(data, at, end)
    version, flags = numbers.take(1), numbers.take(3)
    width, mask = (2, 0x7FFF) if flags & 1 else (1, 0x7F)
    for _ in range(boxes.counted(numbers.take(4))):
        item, owned = numbers.take(4 if version else 2), numbers.take(1)
        boxes.owned.setdefault(item, []).extend(numbers.take(width) & mask for _ in range(boxes.counted(owned)))
