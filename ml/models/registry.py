"""The models that can be trained: one decorated builder each.

The registry is light: builders import torch when they are called, so that a page can list the
models without it.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml.errors import BadInputError

if TYPE_CHECKING:
    from ml.models.network import Network

FAMILIES = ("bundled", "cnn", "tutorial", "zoo")
"""The modules of this package whose import registers models."""


@dataclass(frozen=True)
class Inputs:
    """What a network is built for: ``channels`` (1 or 3), squares of ``size`` px, ``classes``."""

    channels: int
    size: int
    classes: int


Builder = Callable[[Inputs, bool], "Network"]


@dataclass(frozen=True)
class ModelInfo:
    """One model. ``parameters`` and ``macs`` are for 10 classes at ``native_size`` px.

    ``macs`` are the multiply-accumulates of one forward pass, which the time estimate scales.
    ``preset`` holds the ``TrainConfig`` fields that the model's own recipe sets.
    """

    name: str
    label: str
    help: str
    good_for: str
    parameters: int
    macs: int
    native_size: int
    builder: Builder
    pretrained: bool = False
    download: bool = False
    min_size: int = 10
    preset: dict[str, Any] = field(default_factory=dict)


_models: dict[str, ModelInfo] = {}


def register(name: str, **about: Any) -> Callable[[Builder], Builder]:
    """Register the decorated builder as model ``name``; ``about`` are the fields of ``ModelInfo``.

    Raises:
        ValueError: there is a model of that name already.
    """

    def decorate(builder: Builder) -> Builder:
        if name in _models:
            raise ValueError(f"There are two models named {name}.")
        _models[name] = ModelInfo(name=name, builder=builder, **about)
        return builder

    return decorate


def all_models() -> list[ModelInfo]:
    """Every model, the default for photos first."""
    for family in FAMILIES:
        importlib.import_module(f"ml.models.{family}")
    return list(_models.values())


def names() -> list[str]:
    """The names of all models."""
    return [model.name for model in all_models()]


def get(name: str) -> ModelInfo:
    """The model of that name.

    Raises:
        BadInputError: there is none.
    """
    found = next((model for model in all_models() if model.name == name), None)
    if found is None:
        raise BadInputError(
            f"There is no model named {name}. The models are: {', '.join(names())}."
        )
    return found


def build(name: str, inputs: Inputs, *, pretrained: bool = False) -> "Network":
    """A new network with the parameters initialised by torch's global generator.

    Raises:
        BadInputError: the model has no pretrained weights, or the pictures are too small for it.
        MLError: its weights cannot be had.
    """
    model = get(name)
    if pretrained and not model.pretrained:
        raise BadInputError(
            f"{model.label} has no pretrained weights. Set pretrained to false to train it from "
            "scratch, or choose a pretrained model."
        )
    if inputs.size < model.min_size:
        raise BadInputError(
            f"{model.label} needs pictures of at least {model.min_size} px, and the picture size "
            f"is {inputs.size}. Raise the picture size or choose another model."
        )
    return model.builder(inputs, pretrained)
