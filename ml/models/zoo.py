"""What the networks of torchvision share: their weights, their preprocessing, their first layer.

From scratch a network takes pictures as they are. With pretrained weights it normalises as the
transforms say that torchvision gives with these weights; their crop is the size that the registry
lists. Their resizing to a little more than the crop is left out: here all of the square is seen.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.models.registry import Inputs

if TYPE_CHECKING:
    from torch import nn

    from ml.models.network import Network

SMALL = 64
"""Up to this picture size a network from scratch keeps the resolution in its stem."""
FROM_SCRATCH = {"optimizer": "adamw", "weight_decay": 5e-2, "batch_size": 64}
LICENCE = "BSD-3-Clause, trained on ImageNet"
"""Of torchvision's weights; ImageNet's own terms may limit what they are used for."""
MIRROR = "LENSMITH_WEIGHTS"
"""This variable may name an address where the files of weights are fetched instead."""


def weights_of(name: str) -> Any:
    """The newest of torchvision's weights enum for model ``name``."""
    from torchvision import models

    return models.get_model_weights(name).DEFAULT


def weights_file(name: str, progress: Callable[[float], None] = lambda fraction: None) -> Path:
    """The file with the pretrained weights, downloaded where it is not here yet, and checked.

    It is kept where torchvision keeps it.

    Raises:
        MLError: it cannot be had; the sentence names the file and where to put it by hand.
    """
    from ml.models.download import fetch, kept_in

    address = str(weights_of(name).url)
    mirror = os.environ.get(MIRROR, "")
    if mirror:
        address = f"{mirror.rstrip('/')}/{address.rpartition('/')[2]}"
    return fetch(address, kept_in(), name, progress)


def fetching(name: str) -> Callable[[Callable[[float], None]], Path]:
    """The ``fetch`` of a model in the registry."""
    return partial(weights_file, name)


def make(name: str, pretrained: bool, **settings: Any) -> Any:
    """torchvision's model ``name``, with its weights or with new ones."""
    import torch
    from torchvision import models

    from ml.errors import MLError

    model = models.get_model(name, weights=None, **settings)
    if pretrained:
        path = weights_file(name)
        try:
            weights = torch.load(path, weights_only=True, map_location="cpu")
            model.load_state_dict(adapted(weights, settings))
        except (RuntimeError, OSError, ValueError, EOFError) as error:
            raise MLError(
                f"The weights in {path} do not fit {name} ({str(error)[:200]}). Delete the file "
                "and try again, or update torchvision."
            ) from error
    return model


def adapted(weights: Any, settings: dict[str, Any]) -> Any:
    """Weights whose table of positions is brought to another picture size, where there is one."""
    if "image_size" not in settings:
        return weights
    from torchvision.models.vision_transformer import interpolate_embeddings

    size, patch = settings["image_size"], weights["conv_proj.weight"].shape[-1]
    return interpolate_embeddings(size, patch, weights)


def stem(old: "nn.Conv2d", inputs: Inputs, pretrained: bool, **small: int) -> "nn.Conv2d":
    """The first layer for these pictures; ``small`` is its kernel and stride from scratch."""
    from ml.models.layers.channels import first_layer, more_channels

    if pretrained:
        return more_channels(old, inputs.channels)
    return first_layer(old, inputs.channels, **(small if is_small(inputs, pretrained) else {}))


def is_small(inputs: Inputs, pretrained: bool) -> bool:
    """Whether the stem keeps the resolution."""
    return not pretrained and inputs.size <= SMALL


def network(
    name: str,
    parts: "tuple[nn.Module, nn.Module]",
    width: int,
    inputs: Inputs,
    pretrained: bool,
    to_map: "nn.Module | None" = None,
) -> "Network":
    """Body and neck (``parts``) with a new head, and the preprocessing that they learned with."""
    from torch import nn

    from ml.models.layers.channels import for_channels
    from ml.models.network import Network

    head = nn.Linear(width, inputs.classes)
    if not pretrained:
        return Network(*parts, head, to_map=to_map)
    shown = weights_of(name).transforms()
    mean, std = (
        for_channels([255 * value for value in figures], inputs.channels)
        for figures in (shown.mean, shown.std)
    )
    expand = 3 if inputs.channels == 1 else 0
    return Network(*parts, head, mean=mean, std=std, expand=expand, to_map=to_map)
