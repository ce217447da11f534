"""ConvNeXt, a convolutional network of torchvision."""

from typing import TYPE_CHECKING

from ml.models import zoo
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network

FEATURES = 768


@register(
    "convnext_tiny",
    label="ConvNeXt-Tiny",
    help="A convolutional network built with what transformers taught.",
    good_for="Photos where accuracy matters most, on a graphics card.",
    parameters=27_830_000,
    macs=4_460_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=109,
    weights="convnext_tiny-983f1562.pth",
    fetch=zoo.fetching("convnext_tiny"),
    min_size=32,
    preset=zoo.FROM_SCRATCH,
)
def convnext_tiny(inputs: Inputs, pretrained: bool) -> "Network":
    """Liu et al. 2022, https://arxiv.org/abs/2201.03545.

    From scratch, small pictures are cut into patches of 2x2 px instead of 4x4.
    """
    from torch import nn

    model = zoo.make("convnext_tiny", pretrained)
    body = model.features
    body[0][0] = zoo.stem(body[0][0], inputs, pretrained, kernel=2, stride=2)
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), model.classifier[0], nn.Flatten())
    return zoo.network("convnext_tiny", (body, neck), FEATURES, inputs, pretrained)
