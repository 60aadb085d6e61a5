"""HEIC and AVIF photos: the first picture, turned as the file's own boxes say, whatever their EXIF says."""

import io
from functools import partial
from typing import Final

import numpy as np
from PIL import Image

from functions.predict.formats import isobmff
from functions.predict.formats.exif import UPRIGHT, orientation
from functions.predict.formats.isobmff import Boxes
from functions.predict.formats.pixels import rgb_by_bands
from functions.predict.formats.source import BYTES_NEEDED, MAX_PROFILE, Source, require

# Measured with libde265 1.0.16 and dav1d 1.5 on one core of 2.6 GHz, rounded up.
HEIC_BYTES_PER_PIXEL: Final = 5.5
HEIC_SECONDS_PER_BYTE: Final = 8e-8
HEIC_SECONDS_PER_PIXEL: Final = 2.4e-8
AVIF_BYTES_PER_PIXEL: Final = 9
DEEP_BYTES_PER_PIXEL: Final = 12  # more than 8 bits a channel
CODED_BYTES_PER_PIXEL: Final = 3  # of masks, and of tiles over the edge
AVIF_SECONDS_PER_BYTE: Final = 9e-8
AVIF_SECONDS_PER_PIXEL: Final = 1.5e-8


def read_heic(data: bytes, side: int) -> Source:
    """Raises UnreadableImageError when its boxes are damaged or more than its last tenth is missing."""
    boxes, whole = _whole(data)
    width, height = boxes.size(boxes.primary)
    pixels = boxes.coded_pixels(boxes.primary)
    return Source(
        width,
        height,
        _memory(boxes, HEIC_BYTES_PER_PIXEL, width * height, pixels),
        HEIC_SECONDS_PER_BYTE * len(data) + HEIC_SECONDS_PER_PIXEL * pixels,
        partial(_decode_heic, whole, side),
        UPRIGHT,
        _profile(boxes),
        len(data) >= boxes.end,
    )


def read_avif(data: bytes, _: int) -> Source:
    """Raises UnreadableImageError when its boxes are damaged or more than its last tenth is missing."""
    # Imported here, as the module is rarely needed; a JPEG or PNG does without.
    from PIL.AvifImagePlugin import AvifImageFile

    boxes, whole = _whole(data)
    image = AvifImageFile(io.BytesIO(whole))
    width, height = image.size
    pixels = max(boxes.coded_pixels(boxes.primary), width * height)
    return Source(
        width,
        height,
        _memory(boxes, AVIF_BYTES_PER_PIXEL, width * height, pixels),
        AVIF_SECONDS_PER_BYTE * len(data) + AVIF_SECONDS_PER_PIXEL * pixels,
        partial(_decode_avif, image),
        orientation(image.info.get("exif", b"")),
        _profile(boxes),
        len(data) >= boxes.end,
    )


def _whole(data: bytes) -> tuple[Boxes, bytes]:
    """Without metadata, and with nothing for what is missing of the last tenth."""
    boxes = isobmff.read(data)
    require(len(data), boxes.end, BYTES_NEEDED)
    return boxes, isobmff.without_metadata(data, boxes).ljust(boxes.end, b"\0")


def _profile(boxes: Boxes) -> bytes | None:
    colour = boxes.of(boxes.primary, b"colr") or b""
    return colour[4:] if colour[:4] in (b"prof", b"rICC") and 4 < len(colour) <= MAX_PROFILE else None


def _decode_avif(image: Image.Image) -> Image.Image:
    image.load()
    return image


def _decode_heic(data: bytes, side: int) -> Image.Image:
    import pi_heif

    image = pi_heif.open_heif(data)
    pixels = np.asarray(image)
    mode = image.mode.partition(";")[0]
    if pixels.dtype == np.uint16:  # grey with more than 8 bits
        mode, pixels = ("LA" if pixels.ndim > 2 else "L"), (pixels >> 8).astype(np.uint8)

    def band(top: int, bottom: int) -> Image.Image:
        return Image.frombytes(mode, (pixels.shape[1], bottom - top), pixels[top:bottom].tobytes())

    return rgb_by_bands((pixels.shape[1], pixels.shape[0]), side, band)


def _memory(boxes: Boxes, per_pixel: float, shown: int, coded: int) -> int:
    channels = boxes.of(boxes.primary, b"pixi") or b""
    deep = max(channels[5:], default=8) > 8
    return int((DEEP_BYTES_PER_PIXEL if deep else per_pixel) * shown + CODED_BYTES_PER_PIXEL * max(0, coded - shown))
