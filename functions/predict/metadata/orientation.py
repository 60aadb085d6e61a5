"""The one thing of a photo's metadata that its pixels need: which way is up."""

import struct
from typing import Final

from functions.predict.formats.exif import ORIENTATION

IDENTIFIER: Final = b"Exif\0\0"
SHORT: Final = 3


def block(orientation: int) -> bytes:
    """An EXIF block, without its identifier, that holds nothing but an orientation (TIFF 6.0, section 2)."""
    return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, SHORT, 1, orientation, 0, 0)
