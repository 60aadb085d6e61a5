"""From the bytes of a photo to what the model reads. Serving and training share this module, and so cannot drift."""

import io
import struct
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from functions.predict.formats.problems import UnreadableImageError
from functions.predict.formats.sniffing import media_type

__all__ = ["EXTENSIONS", "UnreadableImageError", "media_type", "to_array"]

EXTENSIONS: Final[dict[str, str]] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/avif": "avif",
}
DECODERS: Final = ("JPEG", "PNG", "WEBP")
MAX_PIXELS: Final = 50_000_000
MIN_SIDE: Final = 16
BROKEN_IMAGE = (OSError, ValueError, SyntaxError, EOFError, struct.error, Image.DecompressionBombError)


def to_array(data: bytes, size: int, min_side: int = MIN_SIDE) -> npt.NDArray[np.float32]:
    """Decode a photo upright, in RGB, squeezed to a square.

    Returns an array of shape (size, size, 3) with values 0..255. The resize is Pillow's area-aware bilinear filter; a
    large JPEG is first decoded at a fraction of its size (never below twice `size`), which costs a tenth of the time.

    Raises UnreadableImageError when the bytes are damaged, of another format, or outside the pixel limits: at most
    50 million, and no side shorter than `min_side`.
    """
    try:
        with Image.open(io.BytesIO(data), formats=DECODERS) as image:
            _check_dimensions(image, min_side)
            image.draft("RGB", (2 * size, 2 * size))
            ImageOps.exif_transpose(image, in_place=True)
            resized = _to_rgb(image).resize((size, size), Image.Resampling.BILINEAR)
    except UnreadableImageError:
        raise
    except BROKEN_IMAGE as error:
        raise UnreadableImageError("The file is not a readable JPEG, PNG or WebP image.") from error
    return np.asarray(resized, dtype=np.float32)


def _check_dimensions(image: Image.Image, min_side: int) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UnreadableImageError(f"The image has {width} x {height} pixels; at most {MAX_PIXELS // 10**6} million.")
    if min(width, height) < min_side:
        raise UnreadableImageError(f"The image has {width} x {height} pixels; at least {min_side} x {min_side}.")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion clips instead of scaling
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
