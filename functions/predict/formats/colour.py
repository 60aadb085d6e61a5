"""Colour profiles (ICC.1): photos of other colour spaces, as phones and cameras make them, in sRGB."""

import io
from functools import lru_cache

from PIL import Image, ImageCms

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """An image in RGB, grey or CMYK converted from its profile to sRGB; by its values if the profile is broken."""
    try:
        source, transform = _transform(profile)
        if (source == "CMYK") == (image.mode == "CMYK"):
            converted = ImageCms.applyTransform(image if image.mode == source else image.convert(source), transform)
            return converted or image.convert("RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError):
        pass
    return image.convert("RGB")


@lru_cache(maxsize=8)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform]:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    mode = MODES[opened.profile.xcolor_space]
    return mode, ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB")
