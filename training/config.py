"""What describes a run: one TOML file, checked against these classes before anything is computed."""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from training.problems import TrainingError

FOLDER: Final = Path(__file__).parent / "configs"
Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=64, le=512)]
Backbone = Literal[
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_v2_b0",
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Section):
    """`random` splits by file: pictures of one photo stand on both sides, and every score comes out too high."""

    split: Literal["group", "random"] = "group"
    split_seed: int = 1
    folds: Annotated[int, Field(ge=3)] = 5
    fold: int | None = None  # which part of a cross-validation is the test photos


class Model(_Section):
    """`trainable_from` is the prefix of the first layer that learns: `all`, `head`, or a layer such as `block5`.

    `size` is the side of the photos that the model is served, and chosen and tested, with.
    """

    backbone: Backbone = "efficientnet_lite0"
    weights: Path | None = None
    size: Side = 224
    trainable_from: str = "block5"
    dropout: Share = 0.3


class Augmentation(_Section):
    """How far a training photo may be changed. Shares are of the photos that are changed; 0 switches one off."""

    flip: bool = True
    rotation: Share = 0.15  # of a full turn, either way
    zoom: Share = 0.35  # how much closer at most
    shrink: Share = 0.5  # how much farther away at most
    shift: Share = 0.1  # of the side
    brightness: Share = 0.2
    contrast: Share = 0.2
    saturation: Share = 0.2
    blur: Share = 0.3  # share of the batches that are scaled down to as little as a third and up again
    jpeg: Share = 0.2  # share of the batches that are compressed to a quality of 20 to 90
    background: Share = 0.4  # share of the photos whose plain background is replaced
    erase: Share = 0.2  # share of the photos in which a rectangle is covered
    mixup: Annotated[float, Field(ge=0)] = 0.1  # alpha of the Beta distribution
    cutmix: Annotated[float, Field(ge=0)] = 0.0


class Optimisation(_Section):
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 3e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup_epochs: Annotated[float, Field(ge=0)] = 1.0
    head_epochs: Annotated[int, Field(ge=1)] = 40  # of the head alone, on features computed once, before the rest
    # Side of the training photos and number of epochs, one after the other: the first ones small, and so fast.
    phases: tuple[tuple[Side, Annotated[int, Field(ge=1)]], ...] = ((224, 14),)
    batch: Annotated[int, Field(ge=1)] = 32
    label_smoothing: Share = 0.05
    class_weights: Literal["none", "sqrt", "balanced"] = "sqrt"
    rotten_weight: Annotated[float, Field(gt=0)] = 1.0  # of a rotten photo against a healthy one
    early_stopping: Annotated[int, Field(ge=0)] = 0  # epochs without a lower validation loss; 0: never
    reduce_on_plateau: Annotated[int, Field(ge=0)] = 0
    mixed_precision: bool = False

    @property
    def epochs(self) -> int:
        """Of all phases."""
        return sum(epochs for _, epochs in self.phases)


class Config(_Section):
    seed: int = 1
    data: Data = Data()
    model: Model = Model()
    augmentation: Augmentation = Augmentation()
    optimisation: Optimisation = Optimisation()


def read(path: Path) -> Config:
    """The run that a TOML file describes; what it leaves out has the defaults above.

    Raises TrainingError with a sentence for the first thing that is wrong in it.
    """
    if not path.is_file():
        raise TrainingError(f"There is no configuration {path}.")
    return parse(path.read_text(), str(path))


def parse(text: str, where: str) -> Config:
    """The run that the text of such a file describes; `where` names the text in an error."""
    try:
        return Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{where} is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise TrainingError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error


def to_toml(config: Config) -> str:
    """The settings as the text of such a file."""
    sections: dict[str, dict[str, object]] = {"": {}}
    for name, value in config.model_dump(mode="json", exclude_none=True).items():
        if isinstance(value, dict):
            sections[name] = value
        else:
            sections[""][name] = value
    blocks = [
        "\n".join(
            [*([f"[{section}]"] if section else []), *(f"{key} = {json.dumps(one)}" for key, one in values.items())]
        )
        for section, values in sections.items()
    ]
    return "\n\n".join(blocks) + "\n"
