"""A photo without its metadata, whatever its format, and with its pixels as they were."""

import io
from typing import Final

from PIL import Image

from functions.predict.formats.exif import orientation
from functions.predict.images import UnreadableImageError, media_type
from functions.predict.metadata import heif, jpeg, png, webp
from functions.predict.metadata.heif import UnknownStructureError
from functions.predict.metadata.orientation import block

STRIPPED: Final = {
    "image/jpeg": jpeg.stripped,
    "image/png": png.stripped,
    "image/webp": webp.stripped,
    "image/heic": heif.stripped,
    "image/avif": heif.stripped,
}
FAST: Final = 1


def without_metadata(photo: bytes) -> bytes:
    """A photo that could be decoded, without its metadata: no byte of its compressed pixels is changed.

    Where a file hides which bytes are its picture's, the picture is written anew, as a PNG, which loses nothing of it.
    """
    try:
        return STRIPPED[media_type(photo)](photo)
    except UnknownStructureError:
        return _as_png(photo)


def known_parts(data: bytes) -> bytes:
    """What is left of any file, damaged or no photo at all, without decoding it: nothing that could be metadata of a
    photo; all of it when it is of no photo's format."""
    try:
        return STRIPPED[media_type(data)](data)
    except UnreadableImageError:
        return data
    except UnknownStructureError:
        return b""


def _as_png(photo: bytes) -> bytes:
    output = io.BytesIO()
    with _opened(photo) as image:
        up = orientation(image.info.get("exif") or b"")
        profile = image.info.get("icc_profile")
        image.save(output, "PNG", exif=block(up), icc_profile=profile, compress_level=FAST)
    return output.getvalue()


def _opened(photo: bytes) -> Image.Image:
    if media_type(photo) == "image/avif":
        return Image.open(io.BytesIO(photo), formats=["AVIF"])
    import pi_heif

    image: Image.Image = pi_heif.open_heif(photo).to_pillow()  # upright already, whatever its EXIF says
    image.info.pop("exif", None)
    return image
