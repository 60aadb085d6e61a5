"""Photos as arrays and as batches: decoded once as the service does it, changed anew in every epoch."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from functions.predict.images import to_array
from training.changes import Images, plain_background
from training.config import Augmentation
from training.dataset import Photo

PREFETCH: Final = 3


@dataclass(frozen=True)
class Decoded:
    """Some rows of an array of photos, shape (photos, size, size, 4), which may be larger than memory.

    The fourth channel is 255 where a plain (white or black) background reaches in from the border.
    """

    pixels: Images
    rows: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(photos, size, size, 4)."""
        return (len(self), *self.pixels.shape[1:])

    def __getitem__(self, chosen: Any) -> Images:
        chosen_pixels: Images = self.pixels[self.rows[chosen]]
        return chosen_pixels


def decode(photos: Sequence[Photo], size: int, cache: Path) -> Decoded:
    """The photos as the service sees them, decoded once and then kept in a file below `cache`."""
    cache.mkdir(parents=True, exist_ok=True)
    key = hashlib.sha256("\n".join(photo.sha256 for photo in photos).encode()).hexdigest()[:16]
    file, shape = cache / f"{key}-{size}.npy", (len(photos), size, size, 4)
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        images = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
        with ThreadPoolExecutor() as threads:
            decoded = threads.map(lambda photo: _with_background(to_array(photo.path.read_bytes(), size)), photos)
            for index, image in enumerate(tqdm(decoded, "reading photos", len(photos), unit="photo")):
                images[index] = image
        images.flush()
        unfinished.rename(file)
    pixels: Images = np.load(file, mmap_mode="r")
    return Decoded(pixels, np.arange(len(photos)))


def batches(images: Images | Decoded, batch: int) -> tf.data.Dataset:
    """The photos in order, unchanged, as float32 batches of shape (batch, size, size, 3)."""
    order = tf.data.Dataset.range(len(images)).batch(batch)
    return order.map(_gather(images), tf.data.AUTOTUNE).map(lambda pixels: pixels[..., :3]).prefetch(PREFETCH)


def training_batches(
    images: Decoded, targets: npt.NDArray[np.float32], batch: int, changes: Augmentation, size: int, seed: int
) -> tf.data.Dataset:
    """Shuffled and augmented (photos, targets) batches of one epoch, other ones at each pass; photos of side `size`."""
    order = tf.data.Dataset.range(len(images)).shuffle(len(images), seed=seed).batch(batch)
    labels = tf.constant(targets)

    def augmented(index: Any) -> tuple[Any, Any]:
        return augment(_gather(images)(index), tf.gather(labels, index), changes, size)

    return order.map(augmented, tf.data.AUTOTUNE).prefetch(PREFETCH)


def augment(pixels: Any, targets: Any, changes: Augmentation, size: int) -> tuple[Any, Any]:
    """Change a batch of shape (batch, side, side, 4) at random; returns RGB photos of side `size` and their targets."""
    pixels = _move(pixels, changes, size)
    photos, background = pixels[..., :3], pixels[..., 3:] / 255
    photos = _replace_background(photos, background, changes.background)
    photos = _recolour(photos, changes)
    photos = _sometimes(changes.blur, _blur, photos)
    photos = _sometimes(changes.jpeg, _compress, photos)
    photos = _erase(photos, changes.erase)
    photos, targets = _mix(photos, targets, changes)
    return tf.clip_by_value(photos, 0, 255), targets


def _with_background(image: npt.NDArray[np.float32]) -> Images:
    background = plain_background(image)[..., np.newaxis] * np.uint8(255)
    return np.concatenate([image.astype(np.uint8), background], axis=2)


def _gather(images: Images | Decoded) -> Any:
    def gather(index: Any) -> Any:
        pixels = tf.numpy_function(lambda rows: images[rows].astype(np.float32), [index], tf.float32)
        return tf.ensure_shape(pixels, (None, *images.shape[1:]))

    return gather


def _move(pixels: Any, changes: Augmentation, size: int) -> Any:
    """Turn, mirror, zoom and shift. What comes in from outside is mirrored, or is black and counts as background."""
    count, side = tf.shape(pixels)[0], float(pixels.shape[1])
    angle = _uniform((count,), changes.rotation) * 2 * np.pi
    closer = tf.random.uniform((count,), 1 - changes.zoom, 1.0)
    scale = tf.where(_chance((count,), 0.5), closer, tf.random.uniform((count,), 1.0, 1 + changes.shrink))
    stretch = tf.exp(_uniform((count,), changes.zoom / 3))
    mirror = tf.where(_chance((count,), 0.5 if changes.flip else 0.0), -1.0, 1.0)
    upside = tf.where(_chance((count,), 0.5 if changes.flip else 0.0), -1.0, 1.0)
    a, b = tf.cos(angle) * scale * stretch * mirror, -tf.sin(angle) * scale / stretch * upside
    d, e = tf.sin(angle) * scale * stretch * mirror, tf.cos(angle) * scale / stretch * upside
    centre = (side - 1) / 2
    step = (side - 1) / (size - 1)  # from one pixel of what comes out to the next, in pixels of what goes in
    c = centre - (a + b) * centre + _uniform((count,), changes.shift) * side
    f = centre - (d + e) * centre + _uniform((count,), changes.shift) * side
    zero = tf.zeros((count,))
    transforms = tf.stack([a * step, b * step, c, d * step, e * step, f, zero, zero], axis=1)

    def transform(mode: str) -> Any:
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=pixels,
            transforms=transforms,
            output_shape=(size, size),
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode=mode,
        )

    def outside_is_background() -> Any:
        inside = tf.raw_ops.ImageProjectiveTransformV3(
            images=tf.ones_like(pixels[..., :1]),
            transforms=transforms,
            output_shape=(size, size),
            fill_value=0.0,
            interpolation="NEAREST",
            fill_mode="CONSTANT",
        )
        moved = transform("CONSTANT")
        return tf.concat([moved[..., :3], tf.maximum(moved[..., 3:], 255 * (1 - inside))], axis=3)

    return tf.cond(_chance((), 0.7), lambda: transform("REFLECT"), outside_is_background)


def _replace_background(photos: Any, background: Any, share: float) -> Any:
    count, side = tf.shape(photos)[0], photos.shape[1]
    coarse = tf.random.uniform((), 1, 12, dtype=tf.int32)
    base = tf.random.uniform((count, 1, 1, 3), 0, 255)
    texture = base + _uniform((count, coarse, coarse, 3), 60)
    scene = tf.clip_by_value(tf.image.resize(texture, (side, side), "bicubic"), 0, 255)
    chosen = background * tf.cast(_chance((count, 1, 1, 1), share), tf.float32)
    return photos * (1 - chosen) + scene * chosen


def _recolour(photos: Any, changes: Augmentation) -> Any:
    each = (tf.shape(photos)[0], 1, 1, 1)
    mean = tf.reduce_mean(photos, axis=(1, 2, 3), keepdims=True)
    photos = mean + (photos - mean) * (1 + _uniform(each, changes.contrast)) + 255 * _uniform(each, changes.brightness)
    grey = tf.reduce_mean(photos, axis=3, keepdims=True)
    return tf.clip_by_value(grey + (photos - grey) * (1 + _uniform(each, changes.saturation)), 0, 255)


def _blur(photos: Any) -> Any:
    side = photos.shape[1]
    small = tf.random.uniform((), side // 3, side, dtype=tf.int32)
    return tf.image.resize(tf.image.resize(photos, (small, small), "bilinear"), (side, side), "bilinear")


def _compress(photos: Any) -> Any:
    quality = tf.random.uniform((), 20, 90, dtype=tf.int32)
    whole = tf.cast(tf.clip_by_value(photos, 0, 255), tf.uint8)
    compressed = tf.map_fn(lambda photo: tf.image.adjust_jpeg_quality(photo, quality), whole)
    return tf.ensure_shape(tf.cast(compressed, tf.float32), photos.shape)


def _erase(photos: Any, share: float) -> Any:
    """Random erasing (Zhong et al., 2017): a rectangle of up to half the side, filled with one colour."""
    count = tf.shape(photos)[0]
    chosen = tf.cast(_chance((count, 1, 1, 1), share), tf.float32) * _rectangles(count, photos.shape[1], 0.1, 0.5)
    return photos * (1 - chosen) + tf.random.uniform((count, 1, 1, 3), 0, 255) * chosen


def _mix(photos: Any, targets: Any, changes: Augmentation) -> tuple[Any, Any]:
    """Mixup (Zhang et al., 2017) and CutMix (Yun et al., 2019) with the photo before in the batch."""
    count, side = tf.shape(photos)[0], photos.shape[1]
    if changes.mixup:
        share = _beta(count, changes.mixup)
        kept = tf.maximum(share, 1 - share)
        photos = photos * kept[:, None, None, None] + tf.roll(photos, 1, 0) * (1 - kept)[:, None, None, None]
        targets = targets * kept[:, None] + tf.roll(targets, 1, 0) * (1 - kept)[:, None]
    if changes.cutmix:
        covered = _rectangles(count, side, 0.0, 0.7) * tf.cast(_chance((count, 1, 1, 1), 0.5), tf.float32)
        kept = 1 - tf.reduce_mean(covered, axis=(1, 2, 3))
        photos = photos * (1 - covered) + tf.roll(photos, 1, 0) * covered
        targets = targets * kept[:, None] + tf.roll(targets, 1, 0) * (1 - kept)[:, None]
    return photos, targets


def _rectangles(count: Any, side: int, least: float, most: float) -> Any:
    across = tf.range(side, dtype=tf.float32)[None, :] / side

    def stretch() -> Any:
        width = tf.random.uniform((count, 1), least, most)
        start = tf.random.uniform((count, 1)) * (1 - width)
        return tf.cast((across >= start) & (across < start + width), tf.float32)

    return stretch()[:, :, None, None] * stretch()[:, None, :, None]


def _beta(count: Any, alpha: float) -> Any:
    one, other = tf.random.gamma((count,), alpha), tf.random.gamma((count,), alpha)
    return one / tf.maximum(one + other, 1e-12)


def _uniform(shape: Any, most: float) -> Any:
    return tf.random.uniform(shape, -most, most)


def _chance(shape: Any, share: float) -> Any:
    return tf.random.uniform(shape) < share


def _sometimes(share: float, change: Any, photos: Any) -> Any:
    return tf.cond(_chance((), share), lambda: change(photos), lambda: photos)
