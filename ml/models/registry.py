"""The model registry: ``@register`` on a builder adds a model.

Builders import torch only when they are called, so a page can list the models without torch.
``ml.models.catalog`` looks up built-in models and plugins.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ml.models.download import weights_folder

if TYPE_CHECKING:
    from ml.models.network import Network

FAMILIES = (
    "bundled",
    "cnn",
    "attention",
    "tutorial",
    "mobile",
    "resnet",
    "convnext",
    "vit",
    "vgg",
)
"""The modules of this package whose import registers models."""


@dataclass(frozen=True)
class Inputs:
    """What a network is built for: ``channels``, squares of ``size`` px, ``classes``.

    Pictures from outside have 1 channel or 3. Every network takes other counts too.
    """

    channels: int
    size: int
    classes: int


Builder = Callable[..., "Network"]
"""``builder(inputs, pretrained)``, and the model's ``options`` as further keyword arguments."""
ProgressCallback = Callable[[float], None]


@dataclass(frozen=True)
class ModelInfo:
    """The description of one model.

    ``parameters`` and ``macs`` (multiply-accumulates of one forward pass, for the time estimate)
    are for 10 classes at ``native_size`` px; ``min_size`` is the smallest picture in px.
    ``preset`` holds the ``TrainConfig`` fields that the model's recipe sets, ``options`` the names
    of those that its builder takes. Downloaded weights have the size ``download`` in MB, the file
    name ``weights`` and the function ``fetch``; packaged weights have the pip name ``package``;
    ``licence`` is the licence of the weights. ``origin`` names the file or package of a plugin.
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
    download: int = 0
    package: str = ""
    weights: str = ""
    fetch: Callable[[ProgressCallback], object] | None = None
    min_size: int = 10
    preset: dict[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    origin: str = ""
    licence: str = ""

    @property
    def missing_package(self) -> str:
        """The pip name of the package with its weights, or "" where none is missing."""
        there = not self.package or find_spec(self.package.replace("-", "_"))
        return "" if there else self.package

    @property
    def has_weights_file(self) -> bool:
        """Whether the weights are downloaded. Their hash is checked when they are loaded."""
        return bool(self.weights) and (weights_folder() / self.weights).is_file()


_models: dict[str, ModelInfo] = {}
plugin_builders: dict[str, dict[str, Builder]] = {}
"""The builders of plugins, by module and model name. ``ml.models.plugins.discovery`` adds a module
before its file is run."""


def register(name: str, **info: Any) -> Callable[[Builder], Builder]:
    """Register the decorated builder as model ``name``; ``info`` holds fields of ``ModelInfo``.

    Raises:
        ValueError: a model of that name is registered already.
    """

    def decorate(builder: Builder) -> Builder:
        if builder.__module__ in plugin_builders:
            plugin_builders[builder.__module__][name] = builder
            return builder
        if name in _models:
            raise ValueError(f"There are two models named {name}.")
        _models[name] = ModelInfo(name=name, builder=builder, **info)
        return builder

    return decorate


def built_in_models() -> list[ModelInfo]:
    """The models that come with Lensmith, the default for photos first."""
    for family in FAMILIES:
        importlib.import_module(f"ml.models.{family}")
    return list(_models.values())
