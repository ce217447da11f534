"""Shared parts of the torchvision models: weights, preprocessing and the first layer.

With pretrained weights a network normalises by the mean and deviation of torchvision's transforms
for those weights; the crop of the transforms is the ``native_size`` in the registry. The resizing
before that crop is left out, so that the whole square is seen.
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

MAX_SIZE_FOR_FULL_RESOLUTION_STEM = 64
"""Up to this picture size a network from scratch keeps the resolution in its stem."""
FROM_SCRATCH = {"optimizer": "adamw", "weight_decay": 5e-2, "batch_size": 64}
LICENCE = "BSD-3-Clause, trained on ImageNet"
"""Of torchvision's weights; ImageNet's own terms may limit what they are used for."""
MIRROR_VARIABLE = "LENSMITH_WEIGHTS"
"""This environment variable names another address to download weights from."""


def weights_of(name: str) -> Any:
    """The newest of torchvision's weights enum for model ``name``."""
    from torchvision import models

    return models.get_model_weights(name).DEFAULT


def weights_file(name: str, progress: Callable[[float], None] = lambda fraction: None) -> Path:
    """The file with the pretrained weights in torch.hub's folder, downloaded where it is missing.

    Raises:
        MLError: the download fails; the message names the file and where to put it by hand.
    """
    from ml.models.download import fetch, weights_folder

    address = str(weights_of(name).url)
    mirror = os.environ.get(MIRROR_VARIABLE, "")
    if mirror:
        address = f"{mirror.rstrip('/')}/{address.rpartition('/')[2]}"
    return fetch(address, weights_folder(), name, progress)


def fetching(name: str) -> Callable[[Callable[[float], None]], Path]:
    """The field ``fetch`` of ``ModelInfo`` for a torchvision model."""
    return partial(weights_file, name)


def make(name: str, pretrained: bool, **settings: Any) -> Any:
    """torchvision's model ``name``, with pretrained or random weights.

    Raises:
        MLError: the pretrained weights cannot be fetched or do not fit.
    """
    import torch
    from torchvision import models

    from ml.errors import MLError

    model = models.get_model(name, weights=None, **settings)
    if pretrained:
        path = weights_file(name)
        try:
            weights = torch.load(path, weights_only=True, map_location="cpu")
            model.load_state_dict(resize_positions(weights, settings))
        except (RuntimeError, OSError, ValueError, EOFError) as error:
            raise MLError(
                f"The weights in {path} do not fit {name} ({str(error)[:200]}). Delete the file "
                "and try again, or update torchvision."
            ) from error
    return model


def resize_positions(weights: Any, settings: dict[str, Any]) -> Any:
    """Weights with the position embeddings of a ViT interpolated to ``settings["image_size"]``."""
    if "image_size" not in settings:
        return weights
    from torchvision.models.vision_transformer import interpolate_embeddings

    size, patch_size = settings["image_size"], weights["conv_proj.weight"].shape[-1]
    return interpolate_embeddings(size, patch_size, weights)


def stem(
    first_convolution: "nn.Conv2d", inputs: Inputs, pretrained: bool, **scratch_options: int
) -> "nn.Conv2d":
    """The first layer for these pictures.

    ``scratch_options`` are its kernel and stride for small pictures from scratch.
    """
    from ml.models.layers.channels import expand_input_channels, first_layer

    if pretrained:
        return expand_input_channels(first_convolution, inputs.channels)
    return first_layer(
        first_convolution,
        inputs.channels,
        **(scratch_options if is_small(inputs, pretrained) else {}),
    )


def is_small(inputs: Inputs, pretrained: bool) -> bool:
    """Whether the stem keeps the full resolution: from scratch, on small pictures."""
    return not pretrained and inputs.size <= MAX_SIZE_FOR_FULL_RESOLUTION_STEM


def network(
    name: str,
    parts: "tuple[nn.Module, nn.Module]",
    features: int,
    inputs: Inputs,
    pretrained: bool,
    to_map: "nn.Module | None" = None,
) -> "Network":
    """Body and neck (``parts``) with a new head and the preprocessing of the weights.

    ``features`` is the number of features that the neck gives.
    """
    from torch import nn

    from ml.models.layers.channels import statistics_for_channels
    from ml.models.network import Network

    head = nn.Linear(features, inputs.classes)
    if not pretrained:
        return Network(*parts, head, to_map=to_map)
    transforms = weights_of(name).transforms()
    mean, std = (
        statistics_for_channels([255 * value for value in statistics], inputs.channels)
        for statistics in (transforms.mean, transforms.std)
    )
    expand = 3 if inputs.channels == 1 else 0
    return Network(*parts, head, mean=mean, std=std, expand=expand, to_map=to_map)
