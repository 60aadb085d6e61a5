"""From the bytes of a photo to what the model reads. Serving and training share this module, and so cannot drift."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from functions.predict.formats import heif, jpeg, png, webp
from functions.predict.formats.pixels import rgb_by_bands, to_rgb
from functions.predict.formats.problems import UnreadableImageError
from functions.predict.formats.sniffing import media_type
from functions.predict.formats.source import CUT_OFF_FOR_GOOD, DAMAGED, Source

__all__ = ["EXTENSIONS", "UnreadableImageError", "media_type", "to_array"]

EXTENSIONS: Final[dict[str, str]] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/avif": "avif",
}
READERS: Final[dict[str, Callable[[bytes, int], Source]]] = {
    "image/jpeg": jpeg.read,
    "image/png": png.read,
    "image/webp": webp.read,
    "image/heic": heif.read_heic,
    "image/avif": heif.read_avif,
}
MAX_MEMORY: Final = 300_000_000  # bytes, beside the model
MAX_SECONDS: Final = 1.8
MIN_SIDE: Final = 16
LARGE: Final = 4_000_000  # pixels; below, a second copy does not matter
DIRECT_MODES: Final = ("RGB", "L")  # resized as they are
TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_array(data: bytes, size: int, min_side: int = MIN_SIDE) -> npt.NDArray[np.float32]:
    """Decode a photo (JPEG, PNG, WebP, HEIC or AVIF) upright, in sRGB, squeezed to a square.

    Returns an array of shape (size, size, 3) with values 0..255. The resize is Pillow's area-aware bilinear filter; a
    large photo is first decoded, or reduced, to a fraction of its size (never below twice `size`). Of several pictures
    in a file (an animation, a motion photo, a burst) it is the first or the main one. Metadata decides nothing but
    which way is up and what the colours mean, and is passed over where it is odd. A photo that misses less than its
    last tenth is taken as it is.

    Raises UnreadableImageError when the bytes are of another format, damaged or cut off, when a side is shorter than
    `min_side`, or when decoding would take more than about 300 MB or 2 s of one core; that is judged from the header.
    """
    with true_reason(DAMAGED):
        photo = READERS[media_type(data)](data, size)
    _check(photo, min_side)
    with true_reason(DAMAGED if photo.whole else CUT_OFF_FOR_GOOD):
        square = _square(photo.decode(), size, photo.profile)
    return np.asarray(_upright(square, photo.orientation), dtype=np.float32)


@contextmanager
def true_reason(sentence: str) -> Iterator[None]:
    """Turn whatever a decoder raises in a block into UnreadableImageError, with this sentence unless there is a truer
    one."""
    try:
        yield
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError("The photo is too large to be decoded; send it smaller.") from error
    except Exception as error:  # decoders fail on hostile bytes in more ways than they document
        raise UnreadableImageError(sentence) from error


def _check(photo: Source, min_side: int) -> None:
    dimensions = f"The photo has {photo.width} x {photo.height} pixels"
    if min(photo.width, photo.height) < min_side:
        raise UnreadableImageError(f"{dimensions}; send one of at least {min_side} x {min_side}.")
    if photo.memory > MAX_MEMORY:
        raise UnreadableImageError(f"{dimensions} and is too large to be decoded as it is; send it smaller.")
    if photo.seconds > MAX_SECONDS:
        raise UnreadableImageError(f"{dimensions} and would take too long to decode as it is; send it smaller.")


def _square(image: Image.Image, size: int, profile: bytes | None) -> Image.Image:
    if image.mode == "CMYK" and profile:
        return _converted(image.resize((size, size), Image.Resampling.BILINEAR), profile)
    if image.mode in DIRECT_MODES and not image.has_transparency_data:
        flat = image
    elif image.width * image.height > LARGE:
        flat = rgb_by_bands(image.size, size, lambda top, bottom: image.crop((0, top, image.width, bottom)))
    else:
        flat = to_rgb(image)
    return _converted(flat.resize((size, size), Image.Resampling.BILINEAR), profile)


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        # Imported here: most photos have no profile, and the import takes milliseconds.
        from functions.predict.formats.colour import to_srgb

        return to_srgb(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image
