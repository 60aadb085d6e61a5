"""A photo without its metadata, whatever its format, and with its pixels as they were."""

import io
from typing import Final

from functions.predict.formats.sniffing import is_text
from functions.predict.formats.source import DAMAGED
from functions.predict.images import READERS, UnreadableImageError, media_type, true_reason
from functions.predict.metadata import heif, jpeg, png, webp
from functions.predict.metadata.orientation import block
from functions.predict.metadata.problems import UnknownStructureError

STRIPPED: Final = {
    "image/jpeg": jpeg.stripped,
    "image/png": png.stripped,
    "image/webp": webp.stripped,
    "image/heic": heif.stripped,
    "image/avif": heif.stripped,
}
FAST: Final = 1
WHOLE: Final = 2**16  # a side that no photo is reduced for


def without_metadata(photo: bytes) -> bytes:
    """A photo that could be decoded, without its metadata: no byte of its compressed pixels is changed.

    Where a file hides which bytes are its picture's, what it shows is written anew, as a PNG. Raises
    UnreadableImageError when that cannot be decoded whole.
    """
    try:
        return STRIPPED[media_type(photo)](photo)
    except UnknownStructureError:
        return _as_png(photo)


def known_parts(data: bytes) -> bytes:
    """What is left of any file, damaged or no photo at all, without decoding it: nothing that could be metadata of a
    photo; and all of a text."""
    try:
        return STRIPPED[media_type(data)](data)
    except UnreadableImageError:
        return data if is_text(data) else b""
    except UnknownStructureError:
        return b""


def _as_png(photo: bytes) -> bytes:
    output = io.BytesIO()
    with true_reason(DAMAGED):
        source = READERS[media_type(photo)](photo, WHOLE)
        exif = block(source.orientation)
        source.decode().save(output, "PNG", exif=exif, icc_profile=source.profile, compress_level=FAST)
    return output.getvalue()
