"""ResNet, the residual networks of torchvision."""

from typing import TYPE_CHECKING

from ml.models import zoo
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network


def _resnet(name: str, features: int, inputs: Inputs, pretrained: bool) -> "Network":
    """He et al. 2015, https://arxiv.org/abs/1512.03385.

    From scratch, small pictures skip the first two halvings.
    """
    from torch import nn

    model = zoo.make(name, pretrained)
    stem = [
        zoo.stem(model.conv1, inputs, pretrained, kernel=3, stride=1),
        model.bn1,
        model.relu,
    ]
    if not zoo.is_small(inputs, pretrained):
        stem.append(model.maxpool)
    body = nn.Sequential(
        *stem,
        model.layer1,
        model.layer2,
        model.layer3,
        model.layer4,
    )
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return zoo.network(name, (body, neck), features, inputs, pretrained)


@register(
    "resnet18",
    label="ResNet-18",
    help="The standard residual network, 18 layers deep.",
    good_for="Photos, on a computer with a graphics card, or patience.",
    parameters=11_180_000,
    macs=1_820_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=45,
    weights="resnet18-f37072fd.pth",
    fetch=zoo.fetching("resnet18"),
    preset=zoo.FROM_SCRATCH,
)
def resnet18(inputs: Inputs, pretrained: bool) -> "Network":
    """18 layers in blocks of two convolutions."""
    return _resnet("resnet18", 512, inputs, pretrained)


@register(
    "resnet34",
    label="ResNet-34",
    help="The residual network with 34 layers: twice the work of ResNet-18.",
    good_for="Comparing with work that used it. ResNet-50 sees more at about the same cost.",
    parameters=21_290_000,
    macs=3_670_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=83,
    weights="resnet34-b627a593.pth",
    fetch=zoo.fetching("resnet34"),
    preset=zoo.FROM_SCRATCH,
)
def resnet34(inputs: Inputs, pretrained: bool) -> "Network":
    """34 layers in blocks of two convolutions."""
    return _resnet("resnet34", 512, inputs, pretrained)


@register(
    "resnet50",
    label="ResNet-50",
    help="The residual network that most published work compares with, 50 layers deep.",
    good_for="Photos on a graphics card, and figures that others can be compared with.",
    parameters=23_530_000,
    macs=4_090_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=98,
    weights="resnet50-11ad3fa6.pth",
    fetch=zoo.fetching("resnet50"),
    preset=zoo.FROM_SCRATCH,
)
def resnet50(inputs: Inputs, pretrained: bool) -> "Network":
    """50 layers in blocks that narrow, convolve and widen again."""
    return _resnet("resnet50", 2048, inputs, pretrained)
