"""MobileNetV3 and EfficientNet-B0, light networks of torchvision."""

from typing import TYPE_CHECKING, Any

from ml.models import zoo
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network


def _mobile_network(
    name: str, features: int, inputs: Inputs, pretrained: bool, classifier_indices: "list[Any]"
) -> "Network":
    """Build ``name``; from scratch, small pictures skip the first halving.

    The layers of the published classifier at ``classifier_indices`` stay between the pooling and
    the new head.
    """
    from torch import nn

    model = zoo.make(name, pretrained)
    body = model.features
    body[0][0] = zoo.stem(body[0][0], inputs, pretrained, kernel=3, stride=1)
    classifier_layers = [model.classifier[n] for n in classifier_indices]
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *classifier_layers)
    return zoo.network(name, (body, pooled), features, inputs, pretrained)


@register(
    "mobilenet_v3_small",
    label="MobileNetV3 small",
    help="A network made for phones: small and quick.",
    good_for="Photos where speed and size matter most.",
    parameters=1_530_000,
    macs=56_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=10,
    weights="mobilenet_v3_small-047dcff4.pth",
    fetch=zoo.fetching("mobilenet_v3_small"),
    preset=zoo.FROM_SCRATCH,
)
def mobilenet_v3_small(inputs: Inputs, pretrained: bool) -> "Network":
    """Howard et al. 2019, https://arxiv.org/abs/1905.02244."""
    return _mobile_network("mobilenet_v3_small", 1024, inputs, pretrained, [0, 1, 2])


@register(
    "mobilenet_v3_large",
    label="MobileNetV3 large",
    help="The larger network for phones: four times the work of the small one.",
    good_for="Photos where speed matters and the small one is not good enough.",
    parameters=4_210_000,
    macs=216_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=21,
    weights="mobilenet_v3_large-5c1a4163.pth",
    fetch=zoo.fetching("mobilenet_v3_large"),
    preset=zoo.FROM_SCRATCH,
)
def mobilenet_v3_large(inputs: Inputs, pretrained: bool) -> "Network":
    """Howard et al. 2019, https://arxiv.org/abs/1905.02244."""
    return _mobile_network("mobilenet_v3_large", 1280, inputs, pretrained, [0, 1, 2])


@register(
    "efficientnet_b0",
    label="EfficientNet-B0",
    help="Balances depth, width and picture size, with squeeze and excitation.",
    good_for="Photos: much accuracy for little work. Needs memory while it trains.",
    parameters=4_020_000,
    macs=386_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=21,
    weights="efficientnet_b0_rwightman-7f5810bc.pth",
    fetch=zoo.fetching("efficientnet_b0"),
    preset=zoo.FROM_SCRATCH,
)
def efficientnet_b0(inputs: Inputs, pretrained: bool) -> "Network":
    """Tan and Le 2019, https://arxiv.org/abs/1905.11946."""
    return _mobile_network("efficientnet_b0", 1280, inputs, pretrained, [0])
