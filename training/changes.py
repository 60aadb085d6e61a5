"""Photos made worse or put elsewhere on purpose, to see what the model leans on; and what is background in them."""

import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter
from scipy import ndimage

Images = npt.NDArray[np.uint8]
Photo = npt.NDArray[np.uint8]
PLAIN: Final = 28  # how far a plain background's values may be from white or black
CORNER: Final = 40  # how dark the filled corner of a turned picture is at most


def plain_background(image: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where an RGB image of 0..255 is nearly white or black, connected to its border; shape (height, width)."""
    plain = (image.min(axis=2) >= 255 - PLAIN) | (image.max(axis=2) <= PLAIN)
    regions, _ = ndimage.label(plain)
    border = np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
    return np.isin(regions, border[border > 0])


def robustness() -> dict[str, Callable[[Images], Images]]:
    """Worse photos by name; each takes and gives photos of shape (photos, size, size, 4)."""
    return {
        "blurred": _each(lambda image: image.filter(ImageFilter.GaussianBlur(image.width / 110))),
        "dark": _each(lambda image: ImageEnhance.Brightness(image).enhance(0.45)),
        "bright": _each(lambda image: ImageEnhance.Brightness(image).enhance(1.6)),
        "JPEG quality 30": _each(_jpeg),
        "turned by 90 degrees": _each(lambda image: image.transpose(Image.Transpose.ROTATE_90)),
        "turned by 30 degrees": _each(lambda image: image.rotate(30, Image.Resampling.BILINEAR, fillcolor="grey")),
        "middle 60 %": _each(_crop),
    }


def shortcuts() -> dict[str, Callable[[Images], Images]]:
    """Photos without what the data set gives away: plain backgrounds and black corners."""
    return {
        "background replaced": _on_scene,
        "black corners filled": _without_black_corners,
        "shifted onto another background": _shifted,
    }


def _each(change: Callable[[Image.Image], Image.Image]) -> Callable[[Images], Images]:
    def changed(images: Images) -> Images:
        return np.stack([np.dstack([np.asarray(change(Image.fromarray(one[..., :3]))), one[..., 3]]) for one in images])

    return changed


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _crop(image: Image.Image) -> Image.Image:
    edge = round(image.width * 0.2)
    return image.resize(image.size, Image.Resampling.BILINEAR, (edge, edge, image.width - edge, image.height - edge))


def _on_scene(images: Images) -> Images:
    """The plain background becomes a coloured, uneven one; a photo without plain background stays."""
    return np.stack([_composed(one, one[..., 3:] > 0, index) for index, one in enumerate(images)])


def _without_black_corners(images: Images) -> Images:
    filled = []
    for one in images:
        black = (one[..., :3].max(axis=2) <= CORNER) & (one[..., 3] > 0)
        nearest = ndimage.distance_transform_edt(black, return_distances=False, return_indices=True)
        filled.append(one if black.all() else one[nearest[0], nearest[1]])
    return np.stack(filled)


def _shifted(images: Images) -> Images:
    """The photo at seven tenths of its size, somewhere on an uneven background."""
    size = images.shape[1]
    small = round(size * 0.7)
    placed = []
    for index, one in enumerate(images):
        random = np.random.default_rng(index)
        top, left = random.integers(0, size - small, 2)
        whole = np.zeros_like(one)
        whole[top : top + small, left : left + small, :3] = np.asarray(
            Image.fromarray(one[..., :3]).resize((small, small), Image.Resampling.BILINEAR)
        )
        mask = np.asarray(Image.fromarray(one[..., 3]).resize((small, small), Image.Resampling.NEAREST))
        outside = np.ones((size, size, 1), dtype=bool)
        outside[top : top + small, left : left + small, 0] = mask > 0
        placed.append(_composed(whole, outside, index))
    return np.stack(placed)


def _composed(photo: Any, background: npt.NDArray[np.bool_], seed: int) -> Photo:
    random, size = np.random.default_rng(seed), photo.shape[0]
    coarse = random.uniform(40, 215, (1, 1, 3)) + random.uniform(-40, 40, (6, 6, 3))
    scene = Image.fromarray(coarse.clip(0, 255).astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)
    return np.dstack([np.where(background, np.asarray(scene), photo[..., :3]), photo[..., 3]])
