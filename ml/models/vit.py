"""Vision transformers: Tiny ViT for training from scratch, and ViT-B/16 of torchvision."""

from typing import TYPE_CHECKING

from ml.models import zoo
from ml.models.cnn import FROM_SCRATCH
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network

WIDTH, DEPTH, HEADS = 128, 5, 4
PATCH_SIZE = 16


@register(
    "tiny_vit",
    label="Tiny ViT",
    help="A small vision transformer: every part of the picture looks at every other.",
    good_for="Seeing how a transformer learns. It wants more pictures and epochs than a CNN.",
    parameters=745_000,
    macs=36_000_000,
    native_size=28,
    preset=FROM_SCRATCH | {"learning_rate": 1e-3},
)
def tiny_vit(inputs: Inputs, pretrained: bool) -> "Network":
    """A compact convolutional transformer (Hassani et al. 2021, https://arxiv.org/abs/2104.05704).

    A few thousand pictures do not teach a transformer which pixels are neighbours, so a short
    convolutional stem comes first. The learned weights of the token pooling show where it looked.
    At most 8 x 8 tokens keep the cost nearly independent of the picture size.
    """
    from torch import nn

    from ml.models.layers.tokens import TokenBody, TokenPool
    from ml.models.network import Network

    body = TokenBody(inputs.channels, inputs.size, WIDTH, DEPTH, HEADS, dropout=0.1)
    return Network(body, TokenPool(WIDTH), nn.Linear(WIDTH, inputs.classes))


@register(
    "vit_b_16",
    label="ViT-B/16",
    help="The vision transformer: the picture is cut into squares that look at one another.",
    good_for="Photos with its pretrained weights, on a graphics card. From scratch it wants "
    "millions of pictures.",
    parameters=85_810_000,
    macs=17_560_000_000,
    native_size=224,
    pretrained=True,
    licence=zoo.LICENCE,
    download=330,
    weights="vit_b_16-c867db91.pth",
    fetch=zoo.fetching("vit_b_16"),
    min_size=32,
    preset=zoo.FROM_SCRATCH,
)
def vit_b_16(inputs: Inputs, pretrained: bool) -> "Network":
    """Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929.

    For another picture size than 224 px the learned position embeddings are interpolated.
    """
    from ml.models.layers.patches import ClassToken, PatchBody, TokenMap

    side = inputs.size // PATCH_SIZE
    model = zoo.make("vit_b_16", pretrained, image_size=side * PATCH_SIZE)
    model.conv_proj = zoo.stem(model.conv_proj, inputs, pretrained)
    parts = PatchBody(model, PATCH_SIZE), ClassToken()
    return zoo.network("vit_b_16", parts, 768, inputs, pretrained, TokenMap(side))
