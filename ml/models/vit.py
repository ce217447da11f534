"""A small vision transformer, trained from scratch."""

from typing import TYPE_CHECKING

from ml.models.cnn import FROM_SCRATCH
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network

WIDTH, DEPTH, HEADS = 128, 5, 4


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

    A transformer knows nothing of neighbourhood, which a few thousand pictures do not teach it: a
    short stem of convolutions tells it. Tokens are pooled by weights that are learned, which show
    where it looked. At most 8 x 8 tokens, so that the cost hardly depends on the picture size.
    """
    from torch import nn

    from ml.models.network import Network
    from ml.models.tokens import TokenBody, TokenPool

    body = TokenBody(inputs.channels, inputs.size, WIDTH, DEPTH, HEADS, dropout=0.1)
    return Network(body, TokenPool(WIDTH), nn.Linear(WIDTH, inputs.classes))
