"""The one thing of a photo's metadata that its pixels need: which way is up."""

import re
import struct
from typing import Final

UPRIGHT: Final = 1
EXIF: Final = b"Exif\0\0"
TAG: Final = 0x0112
INTEGERS: Final = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
IN_XMP: Final = re.compile(rb"tiff:Orientation(?:=[\"']|>)([1-8])(?:[\"']|<)")


def of_exif(block: bytes) -> int | None:
    """The orientation, 1 to 8, that the first directory of an EXIF block tells of (TIFF 6.0, section 2); None for a
    block without one, or of any other form."""
    tiff = block.removeprefix(EXIF)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for at in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, at)
            if tag == TAG and count == 1 and kind in INTEGERS:
                (value,) = struct.unpack_from(f"{order}{INTEGERS[kind]}", tiff, at + 8)
                return value if 1 <= value <= 8 else None
    except struct.error:
        pass
    return None


def of_xmp(packet: bytes) -> int | None:
    """The orientation, 1 to 8, that an XMP packet tells of."""
    found = IN_XMP.search(packet)
    return int(found[1]) if found else None


def block(orientation: int) -> bytes:
    """An EXIF block, without its identifier, that holds nothing but an orientation."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, TAG, 3, 1, orientation, 0, 0)
