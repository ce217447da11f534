"""The small network with attention: it learns where to look, and that can be shown."""

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

    CBAM and not squeeze-and-excitation (Hu et al. 2017), which weighs channels alone: CBAM weighs
    places too, so that there is something to show. The last weighing of places stands in the neck:
    what the picture on Classify shows is the very factor that the network multiplies with.
    """
    from torch import nn

    from ml.models.layers.cbam import AttendingNeck, Cbam, ChannelGate
    from ml.models.network import Network

    layers, into, side = stages(inputs, after=lambda width: [Cbam(width)])
    if isinstance(layers[-1], Cbam):
        layers[-1] = ChannelGate(into)  # the places of the last map are weighed by the neck
    neck = AttendingNeck(nn.Sequential(nn.MaxPool2d(2), nn.Flatten()))
    head = nn.Sequential(nn.Dropout(0.3), nn.Linear(into * (side // 2) ** 2, inputs.classes))
    return Network(nn.Sequential(*layers), neck, head)
