"""VGG networks of torchvision, with batch normalisation."""

from typing import TYPE_CHECKING

from ml.models import zoo
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from torch import nn

    from ml.models.network import Network

CLASSIFIER_MAP_SIDE = 7
"""The side, in px, of the feature map that the published classifier takes."""


def _vgg(name: str, inputs: Inputs, pretrained: bool) -> "Network":
    """Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556.

    From scratch, average pooling replaces the two linear layers of 4,096: they hold nine tenths of
    the weights, and a few hundred pictures cannot train them. With pretrained weights they stay,
    and the feature map is resized to 7x7.
    """
    from torch import nn

    if not pretrained:
        layers = _convolutions(name)
        layers[0] = zoo.stem(layers[0], inputs, pretrained)
        neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3))
        return zoo.network(name, (nn.Sequential(*layers), neck), 512, inputs, pretrained)
    model = zoo.make(name, pretrained)
    layers = list(model.features)
    layers[0] = zoo.stem(layers[0], inputs, pretrained)
    resize = (
        []
        if inputs.size // 32 == CLASSIFIER_MAP_SIDE
        else [nn.Upsample(size=(CLASSIFIER_MAP_SIDE, CLASSIFIER_MAP_SIDE), mode="bilinear")]
    )
    neck = nn.Sequential(*resize, nn.Flatten(), *list(model.classifier)[:-1])
    return zoo.network(name, (nn.Sequential(*layers), neck), 4096, inputs, pretrained)


def _convolutions(name: str) -> "list[nn.Conv2d]":
    """The convolutional layers alone, without allocating the classifier's 100 million weights."""
    from torch import nn
    from torchvision.models import vgg

    configuration = {"vgg11_bn": "A", "vgg16_bn": "D"}[name]
    layers = list(vgg.make_layers(vgg.cfgs[configuration], batch_norm=True))
    for layer in layers:
        if isinstance(layer, nn.Conv2d):  # as torchvision does
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return layers


@register(
    "vgg11_bn",
    label="VGG-11 with batch normalisation",
    help="An older, plain and heavy network. Batch normalisation makes it train well.",
    good_for="Comparing with older work. Others are smaller and better.",
    parameters=9_230_000,
    macs=7_490_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=507,
    weights="vgg11_bn-6002323d.pth",
    fetch=zoo.fetching("vgg11_bn"),
    min_size=32,
    preset=zoo.FROM_SCRATCH,
)
def vgg11_bn(inputs: Inputs, pretrained: bool) -> "Network":
    """Eight convolutions, and three linear layers where it is pretrained."""
    return _vgg("vgg11_bn", inputs, pretrained)


@register(
    "vgg16_bn",
    label="VGG-16 with batch normalisation",
    help="The deeper VGG: twice the work of VGG-11, and very slow without a graphics card.",
    good_for="Comparing with older work, on a graphics card.",
    parameters=14_730_000,
    macs=15_350_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=528,
    weights="vgg16_bn-6c64b313.pth",
    fetch=zoo.fetching("vgg16_bn"),
    min_size=32,
    preset=zoo.FROM_SCRATCH,
)
def vgg16_bn(inputs: Inputs, pretrained: bool) -> "Network":
    """Thirteen convolutions, and three linear layers where it is pretrained."""
    return _vgg("vgg16_bn", inputs, pretrained)
