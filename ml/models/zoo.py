"""Networks of torchvision, from scratch or with its ImageNet weights."""

from typing import TYPE_CHECKING, Any

from ml.errors import MLError
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from torch import nn

    from ml.models.network import Network

SMALL = 64
"""Up to this picture size a network from scratch keeps the resolution in its stem."""


def _model(name: str, pretrained: bool) -> "nn.Module":
    """torchvision's model ``name``, with its newest ImageNet weights or none.

    Raises:
        MLError: the weights are not on this computer and cannot be downloaded.
    """
    from pathlib import Path
    from urllib.error import URLError

    import torch
    from torchvision import models

    if not pretrained:
        return models.get_model(name, weights=None)  # type: ignore[no-any-return]
    weights = models.get_model_weights(name).DEFAULT
    file = Path(weights.url).name
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        model = models.get_model(name, weights=None)
        model.load_state_dict(weights.get_state_dict(progress=True, check_hash=True))
    except (URLError, OSError, RuntimeError) as error:
        (folder / file).with_suffix(".partial").unlink(missing_ok=True)
        raise MLError(
            f"The pretrained weights of {name} could not be loaded ({error}). Connect to the "
            f"internet and try again, or get {weights.url} on another computer and put it into "
            f"{folder}. efficientnet_lite0 needs no download."
        ) from error
    return model  # type: ignore[no-any-return]


def _network(
    body: "nn.Module", neck: "nn.Module", width: int, inputs: Inputs, pretrained: bool
) -> "Network":
    from torch import nn

    from ml.models.network import IMAGENET_MEAN, IMAGENET_STD, Network

    head = nn.Linear(width, inputs.classes)
    if pretrained:
        return Network(body, neck, head, mean=IMAGENET_MEAN, std=IMAGENET_STD, expand=3)
    return Network(body, neck, head)


def _first_layer(inputs: Inputs, pretrained: bool, old: "nn.Conv2d", small: bool) -> "nn.Conv2d":
    """``old`` for the channels of these pictures; with ``small`` it keeps the resolution."""
    from torch import nn

    if pretrained or (inputs.channels == old.in_channels and not small):
        return old
    kernel, stride = (3, 1) if small else (old.kernel_size[0], old.stride[0])
    bias = old.bias is not None
    return nn.Conv2d(inputs.channels, old.out_channels, kernel, stride, kernel // 2, bias=bias)


FROM_SCRATCH = {"optimizer": "adamw", "weight_decay": 5e-2, "batch_size": 64}


@register(
    "resnet18",
    label="ResNet-18",
    help="The standard residual network, 18 layers deep.",
    good_for="Photos, on a computer with a graphics card, or patience.",
    parameters=11_180_000,
    macs=1_820_000_000,
    native_size=224,
    pretrained=True,
    download=True,
    preset=FROM_SCRATCH,
)
def resnet18(inputs: Inputs, pretrained: bool) -> "Network":
    """He et al. 2015, https://arxiv.org/abs/1512.03385.

    From scratch, small pictures skip the first two halvings.
    """
    from torch import nn

    net: Any = _model("resnet18", pretrained)
    small = not pretrained and inputs.size <= SMALL
    stem = [_first_layer(inputs, pretrained, net.conv1, small), net.bn1, net.relu]
    if not small:
        stem.append(net.maxpool)
    body = nn.Sequential(*stem, net.layer1, net.layer2, net.layer3, net.layer4)
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return _network(body, neck, 512, inputs, pretrained)


@register(
    "vgg11_bn",
    label="VGG-11 with batch normalisation",
    help="An older, plain and heavy network. Batch normalisation makes it train well.",
    good_for="Comparing with older work. Others are smaller and better.",
    parameters=9_230_000,
    macs=7_610_000_000,
    native_size=224,
    pretrained=True,
    download=True,
    min_size=32,
    preset=FROM_SCRATCH,
)
def vgg11_bn(inputs: Inputs, pretrained: bool) -> "Network":
    """Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556.

    From scratch the two linear layers of 4,096, which hold nine tenths of its weights, give way to
    average pooling: a few hundred pictures cannot train them. With pretrained weights they stay,
    and a map that is not 7x7 is brought to it.
    """
    from torch import nn

    net: Any = _model("vgg11_bn", pretrained)
    layers = list(net.features)
    layers[0] = _first_layer(inputs, pretrained, layers[0], small=False)
    body = nn.Sequential(*layers)
    if not pretrained:
        neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3))
        return _network(body, neck, 512, inputs, pretrained)
    fit = [] if inputs.size // 32 == 7 else [nn.Upsample(size=(7, 7), mode="bilinear")]
    neck = nn.Sequential(*fit, nn.Flatten(), *list(net.classifier)[:-1])
    return _network(body, neck, 4096, inputs, pretrained)


@register(
    "mobilenet_v3_small",
    label="MobileNetV3 small",
    help="A network made for phones: small and quick.",
    good_for="Photos where speed and size matter most.",
    parameters=1_530_000,
    macs=57_000_000,
    native_size=224,
    pretrained=True,
    download=True,
    preset=FROM_SCRATCH,
)
def mobilenet_v3_small(inputs: Inputs, pretrained: bool) -> "Network":
    """Howard et al. 2019, https://arxiv.org/abs/1905.02244."""
    from torch import nn

    net: Any = _model("mobilenet_v3_small", pretrained)
    body = net.features
    small = not pretrained and inputs.size <= SMALL
    body[0][0] = _first_layer(inputs, pretrained, body[0][0], small)
    neck = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *list(net.classifier)[:-1])
    return _network(body, neck, 1024, inputs, pretrained)
