"""The small CNN with attention (CBAM), whose attention map Classify can show."""

from typing import TYPE_CHECKING

from ml.models.cnn import FROM_SCRATCH, stages
from ml.models.registry import Inputs, register

if TYPE_CHECKING:
    from ml.models.network import Network


@register(
    "attention_cnn",
    label="Attention CNN",
    help="Small CNN with attention: it learns which parts of a picture count, and shows them.",
    good_for="Small pictures where what matters is one part of them. Classify shows where it "
    "looked.",
    parameters=147_000,
    macs=14_800_000,
    native_size=28,
    preset=FROM_SCRATCH,
)
def attention_cnn(inputs: Inputs, pretrained: bool) -> "Network":
    """``small_cnn`` with CBAM after each stage (Woo et al. 2018, https://arxiv.org/abs/1807.06521).

    CBAM weighs channels and positions, so it has an attention map to show. Squeeze-and-excitation
    (Hu et al. 2017) weighs channels alone. The last spatial attention lies in the neck: Classify
    shows the very factor that the network multiplies the feature map with.
    """
    from torch import nn

    from ml.models.layers.cbam import Cbam, ChannelGate, SpatialAttentionNeck
    from ml.models.network import Network

    layers, channels, side = stages(inputs, after=lambda width: [Cbam(width)])
    if isinstance(layers[-1], Cbam):
        layers[-1] = ChannelGate(channels)  # the neck holds the last spatial attention
    neck = SpatialAttentionNeck(nn.Sequential(nn.MaxPool2d(2), nn.Flatten()))
    head = nn.Sequential(nn.Dropout(0.3), nn.Linear(channels * (side // 2) ** 2, inputs.classes))
    return Network(nn.Sequential(*layers), neck, head)
