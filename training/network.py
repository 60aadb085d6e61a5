"""The whole network: a backbone, and a head that says for every place of the photo how it speaks for each class."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from training import backbones
from training.config import Model
from training.metrics import Calibration, Classes
from training.problems import TrainingError

NAME: Final = "rottenbot"
HEAD: Final = "class_map"


@dataclass(frozen=True)
class Network:
    """`whole` takes photos of 0..255, shape (photos, size, size, 3), and answers logits, shape (photos, classes).

    `features` is its part up to the average of the feature map, and `backbone` the pretrained network in it.
    """

    whole: Any
    features: Any
    backbone: Any


def build(config: Model, classes: int, size: int | None) -> Network:
    """A network with a new head, for photos of one size or (None) of any.

    Its logits are the average of a class map, so that the map costs no second pass.
    Class activation mapping: Zhou et al., "Learning Deep Features for Discriminative Localization", 2015; averaging
    before or after a linear layer gives the same.
    """
    backbone, (factor, offset) = backbones.build(config.backbone, size, config.weights)
    image = keras.Input((size, size, 3), name="image")
    features = backbone(layers.Rescaling(factor, offset)(image), training=False)
    dropped = layers.SpatialDropout2D(config.dropout)(features)
    class_map = layers.Conv2D(classes, 1, name=HEAD, dtype="float32")(dropped)
    logits = layers.GlobalAveragePooling2D(dtype="float32", name="logits")(class_map)
    pooled = layers.GlobalAveragePooling2D()(features)
    return Network(keras.Model(image, logits, name=NAME), keras.Model(image, pooled), backbone)


def unfreeze(network: Network, first: str) -> None:
    """Let the backbone learn from the layer whose name starts with `first` on, or `all` of it, or only the `head`."""
    names = [layer.name for layer in network.backbone.layers]
    starts = [index for index, name in enumerate(names) if name.startswith(first)]
    if first not in ("all", "head") and not starts:
        raise TrainingError(f"The backbone has no layer {first}; it has {', '.join(sorted(_prefixes(names)))}.")
    start = {"all": 0, "head": len(names)}.get(first, starts[0] if starts else 0)
    for index, layer in enumerate(network.backbone.layers):
        layer.trainable = index >= start


def set_head(network: Network, kernel: npt.NDArray[np.float32], bias: npt.NDArray[np.float32]) -> None:
    """Give the head the weights of a linear layer, shapes (features, classes) and (classes,)."""
    network.whole.get_layer(HEAD).set_weights([kernel[np.newaxis, np.newaxis], bias])


def served(model: Any, config: Model, classes: Classes, calibration: Calibration) -> Any:
    """A trained model as it is served: with calibrated logits and the class map, shape (photos, h, w, classes)."""
    fixed = build(config, len(classes), config.size).whole
    fixed.set_weights(model.get_weights())
    head = fixed.get_layer(HEAD)
    kernel, bias = head.get_weights()
    raised = bias / calibration.temperature + calibration.rotten_bias * classes.rotten
    head.set_weights([kernel / calibration.temperature, raised])
    return keras.Model(fixed.input, [fixed.output, head.output], name=NAME)


def uncalibrated(model: Any, classes: Classes, calibration: Calibration) -> list[npt.NDArray[np.float32]]:
    """The weights of a served model as they were trained: those of the head are last."""
    *features, kernel, bias = model.get_weights()
    lowered = bias - calibration.rotten_bias * classes.rotten
    return [*features, kernel * calibration.temperature, lowered * calibration.temperature]


def load(file: Path) -> Any:
    """A model that was saved by a run. Raises TrainingError when there is none."""
    if not file.is_file():
        raise TrainingError(f"There is no model {file}: the run has not ended.")
    return keras.models.load_model(file, compile=False)


def _prefixes(names: list[str]) -> set[str]:
    return {name.split("_")[0] for name in names}
