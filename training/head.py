"""A new classification head on a frozen ImageNet backbone: features once, then a small layer trained on them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from functions.predict.images import to_array
from training.dataset import Photo

SIZE: Final = 224
BATCH: Final = 64
# EfficientNet-Lite's own input scaling: (x - 127) / 128 of 0..255 RGB.
SCALE: Final = 1 / 128
OFFSET: Final = -127 / 128
MAX_EPOCHS: Final = 200
MODEL_NAME: Final = "rottenbot"
HEAD_NAME: Final = "head"
Images = npt.NDArray[np.float32]
Features = npt.NDArray[np.float32]


def load_backbone(path: Path) -> Any:
    """The frozen backbone: 224 x 224 x 3 images of 0..255 in, one feature vector per image out.

    The file holds the backbone alone, or a model that was trained here, which has the same frozen backbone in it.
    """
    inputs = keras.Input((SIZE, SIZE, 3), name="image")
    scaled = keras.layers.Rescaling(SCALE, OFFSET)(inputs)
    backbone = keras.models.load_model(path, compile=False)
    if backbone.name == MODEL_NAME:
        backbone = next(
            layer for layer in backbone.layers if isinstance(layer, keras.Model) and layer.name != HEAD_NAME
        )
    backbone.trainable = False
    pooled = keras.layers.GlobalAveragePooling2D()(backbone(scaled, training=False))
    return keras.Model(inputs, pooled, name="backbone")


def extract(backbone: Any, photos: Sequence[Photo], views: int, title: str) -> Features:
    """Features of every photo, shape (views * photos, features); views after the first are augmented copies."""
    augment = _augmentation()
    passes = []
    for view in range(views):
        batches = []
        for start in tqdm(range(0, len(photos), BATCH), desc=f"{title}, view {view + 1} of {views}", unit="batch"):
            images = load(photo.path for photo in photos[start : start + BATCH])
            if view:
                images = np.asarray(augment(images, training=True))
            batches.append(np.asarray(backbone(images, training=False)))
        passes.append(np.concatenate(batches))
    return np.concatenate(passes)


def load(paths: Iterable[Path]) -> Images:
    """Photos as the served model sees them, shape (photos, 224, 224, 3), values 0..255."""
    return np.stack([to_array(path.read_bytes(), SIZE) for path in paths])


def train(
    train_set: tuple[Features, npt.NDArray[np.int64]], val_set: tuple[Features, npt.NDArray[np.int64]], classes: int
) -> Any:
    """Fit the head with class-balanced weights, stopping when the validation loss no longer falls."""
    features, targets = train_set
    counts = np.maximum(np.bincount(targets, minlength=classes), 1)
    weights = np.sqrt(len(targets) / (classes * counts))
    head = keras.Sequential(
        [
            keras.Input((features.shape[1],)),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name=HEAD_NAME,
    )
    head.compile(
        optimizer=keras.optimizers.AdamW(1e-3, weight_decay=1e-3),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.05),
        metrics=["accuracy"],
    )
    one_hot = keras.utils.to_categorical
    head.fit(
        features,
        one_hot(targets, classes),
        validation_data=(val_set[0], one_hot(val_set[1], classes)),
        epochs=MAX_EPOCHS,
        batch_size=128,
        class_weight=dict(enumerate(weights)),
        callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)],
        verbose=2,
    )
    return head


def assemble(backbone: Any, head: Any) -> Any:
    """The whole model: images of 0..255 in, class probabilities out."""
    return keras.Model(backbone.input, head(backbone.output), name=MODEL_NAME)


def _augmentation() -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            layers.RandomFlip("horizontal_and_vertical"),
            layers.RandomRotation(0.15, fill_mode="reflect"),
            layers.RandomZoom((-0.25, 0.1), fill_mode="reflect"),
            layers.RandomBrightness(0.2, value_range=(0, 255)),
            layers.RandomContrast(0.2, value_range=(0, 255)),
        ]
    )
