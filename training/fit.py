"""Training: the head on frozen features first, then as much of the backbone as the configuration says."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from training import network, photos
from training.changes import Images
from training.config import Config, Optimisation
from training.metrics import Classes
from training.photos import Decoded

tf.get_logger().setLevel("ERROR")  # it warns of every model that is built after another
Targets = npt.NDArray[np.float32]
Rows = npt.NDArray[np.float32]
Tell = Callable[[int, dict[str, float]], None]
Labelled = tuple[Decoded, npt.NDArray[np.int64]]


def fit(
    config: Config,
    train: Labelled,
    val: Labelled,
    classes: Classes,
    folder: Path,
    tell: Tell,
) -> Any:
    """Train on (photos, class numbers), and `tell` the number and the measures of each epoch that ended.

    Keeps its state in `folder` after every epoch, and goes on from there after an interruption.
    """
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy("mixed_bfloat16" if config.optimisation.mixed_precision else "float32")
    net = network.build(config.model, len(classes), size=None)
    state = folder / "state"
    if not state.exists():
        _fit_head(net, config.optimisation, train, val, classes)
    if config.model.trainable_from != "head":
        network.unfreeze(net, config.model.trainable_from)
        _fit_whole(net.whole, config, train, val, classes, state, tell)
    return net.whole


def answers(model: Any, images: Images | Decoded, batch: int = 64) -> Any:
    """What the model says of each photo, by batches: an array, or one for each output."""
    return model.predict(photos.batches(images, batch), verbose=0)


def _fit_head(
    net: network.Network,
    config: Optimisation,
    train: Labelled,
    val: Labelled,
    classes: Classes,
) -> None:
    train_features, val_features = answers(net.features, train[0]), answers(net.features, val[0])
    linear = keras.layers.Dense(len(classes), name="head")
    head = keras.Sequential([keras.Input((train_features.shape[1],)), keras.layers.Dropout(0.3), linear])
    head.compile(
        keras.optimizers.AdamW(2e-3, weight_decay=1e-3), _loss(config), metrics=["accuracy"], jit_compile=False
    )
    head.fit(
        train_features,
        one_hot(train[1], len(classes)),
        validation_data=(val_features, one_hot(val[1], len(classes))),
        epochs=config.head_epochs,
        batch_size=128,
        class_weight=class_weights(config, train[1], classes),
        verbose=0,
    )
    network.set_head(net, *linear.get_weights())


def _fit_whole(
    model: Any,
    config: Config,
    train: Labelled,
    val: Labelled,
    classes: Classes,
    state: Path,
    tell: Tell,
) -> None:
    optimisation = config.optimisation
    steps = -(-len(train[1]) // optimisation.batch)
    weights = class_weights(optimisation, train[1], classes)
    model.compile(_optimizer(optimisation, steps), _loss(optimisation), metrics=["accuracy"], jit_compile=False)
    bar = tqdm(total=optimisation.epochs * steps, desc="training", unit="batch")
    until = 0
    for size, epochs in optimisation.phases:
        until += epochs
        model.fit(
            photos.training_batches(
                train[0], one_hot(train[1], len(classes)), optimisation.batch, config.augmentation, size, config.seed
            ),
            validation_data=tf.data.Dataset.zip(
                (
                    photos.batches(val[0], 64),
                    tf.data.Dataset.from_tensor_slices(one_hot(val[1], len(classes))).batch(64),
                )
            ),
            initial_epoch=until - epochs,
            epochs=until,
            class_weight=weights,
            shuffle=False,  # the batches are shuffled already
            callbacks=[*_callbacks(optimisation), _Epochs(bar, steps, tell), _kept(state)],
            verbose=0,
        )
    bar.close()


def class_weights(config: Optimisation, targets: npt.NDArray[np.int64], classes: Classes) -> dict[int, float]:
    """How much a photo of each class counts: the same, or more the fewer there are (`sqrt`, `balanced`)."""
    share = np.bincount(targets, minlength=len(classes)) * len(classes) / len(targets)
    dear = np.where(classes.rotten, config.rotten_weight, 1.0)
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[config.class_weights]
    return {number: float(dear[number] * max(one, 1e-6) ** -power) for number, one in enumerate(share)}


def one_hot(targets: npt.NDArray[np.int64], classes: int) -> Targets:
    """Class numbers as rows of zeros with a one."""
    return np.eye(classes, dtype=np.float32)[targets]


def _loss(config: Optimisation) -> Any:
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=config.label_smoothing)


def _optimizer(config: Optimisation, steps: int) -> Any:
    rate: Any = config.learning_rate
    if config.schedule == "cosine":
        warmup = int(config.warmup_epochs * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, config.epochs * steps - warmup), alpha=0.01, warmup_target=rate, warmup_steps=warmup
        )
    if config.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=config.weight_decay, clipnorm=1.0)
    return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay, clipnorm=1.0)


def _callbacks(config: Optimisation) -> list[Any]:
    callbacks = keras.callbacks
    chosen: list[Any] = []
    if config.reduce_on_plateau:
        chosen.append(callbacks.ReduceLROnPlateau(patience=config.reduce_on_plateau))
    if config.early_stopping:
        chosen.append(callbacks.EarlyStopping(patience=config.early_stopping, restore_best_weights=True))
    return chosen


def _kept(state: Path) -> Any:
    return keras.callbacks.BackupAndRestore(state, double_checkpoint=True, delete_checkpoint=False)


class _Epochs(keras.callbacks.Callback):  # type: ignore[misc]
    """Moves the progress bar, and tells what was measured after each epoch."""

    def __init__(self, bar: Any, steps: int, tell: Tell) -> None:
        super().__init__()
        self.bar, self.steps, self.tell = bar, steps, tell
        self.began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.began = time.monotonic()
        self.bar.update(epoch * self.steps - self.bar.n)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        measures = {name: float(value) for name, value in (logs or {}).items()}
        self.bar.set_postfix(val_loss=measures["val_loss"], val_accuracy=measures["val_accuracy"])
        rate = float(np.asarray(self.model.optimizer.learning_rate))
        self.tell(epoch, measures | {"learning_rate": rate, "seconds": time.monotonic() - self.began})
