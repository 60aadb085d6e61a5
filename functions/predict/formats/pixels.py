"""From the modes that decoders give to RGB."""

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image

BAND_PIXELS: Final = 1 << 20


def to_rgb(image: Image.Image) -> Image.Image:
    """In RGB, with what is transparent on white."""
    if image.mode.startswith("I"):  # 16-bit grey: Pillow's own conversion clips instead of scaling
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def rgb_by_bands(size: tuple[int, int], side: int, band: Callable[[int, int], Image.Image]) -> Image.Image:
    """An image of a size in RGB, reduced by whole factors while no side gets shorter than twice `side`.

    `band` gives its rows from one up to, but without, another, in any mode. So a large image is never held twice.
    """
    (width, height), (across, down) = size, (max(1, length // (2 * side)) for length in size)
    reduced = Image.new("RGB", (-(-width // across), -(-height // down)))
    rows = max(1, BAND_PIXELS // (width * down)) * down
    for top in range(0, height, rows):
        reduced.paste(to_rgb(band(top, min(top + rows, height))).reduce((across, down)), (0, top // down))
    return reduced
