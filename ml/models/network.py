"""The one shape that every model has: pictures -> map -> features -> logits."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.models.outputs import ATTENTION, OUTPUTS

IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
PLAIN_MEAN = (127.5,)
PLAIN_STD = (64.0,)
HEAD_DROPOUT = 0.3


class Attending(nn.Module):
    """A neck that weighs the places of the feature map before it makes features of it."""

    def attention(self, feature_map: Tensor) -> Tensor:
        """(N, D, h, w) to how much each place counts: (N, 1, h, w), nothing below 0."""
        raise NotImplementedError


class Network(nn.Module):
    """A classifier in three parts, with its preprocessing inside.

    ``body`` takes normalised pictures (N, C, H, W) to the last feature map (N, D, h, w), ``neck``
    that to features (N, F), ``head`` those to logits (N, K).

    Args:
        to_map: makes the feature map of what ``body`` gives, where that is something else.
        mean, std: what is taken off each channel and what it is divided by, in units of 0 to 255;
            one value serves all channels.
        expand: the number of channels that ``body`` wants; a grey picture is repeated to it.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        body: nn.Module,
        neck: nn.Module,
        head: nn.Module,
        *,
        mean: Sequence[float] = PLAIN_MEAN,
        std: Sequence[float] = PLAIN_STD,
        expand: int = 0,
        to_map: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.body, self.neck, self.head = body, neck, head
        self.to_map = to_map or nn.Identity()
        self.expand = expand
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))

    def normalise(self, pictures: Tensor) -> Tensor:
        """Pictures (N, S, S, C), uint8 or float of 0 to 255, as (N, C, S, S) that ``body`` takes.

        The permuted view of pictures that lie channel-last in memory is ``channels_last`` for free.
        """
        x = (pictures.permute(0, 3, 1, 2).to(self.mean.dtype) - self.mean) / self.std
        if self.expand and x.shape[1] != self.expand:
            x = x.expand(-1, self.expand, -1, -1)
        return x

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what ``everything`` gives."""
        return (*OUTPUTS, ATTENTION) if isinstance(self.neck, Attending) else OUTPUTS

    def everything(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits (N, K), features (N, F), the last feature map (N, D, h, w), and from a network
        that has it, its attention (N, 1, h, w)."""
        seen = self.body(self.normalise(pictures))
        features = self.neck(seen)
        found = (self.head(features), features, self.to_map(seen))
        if isinstance(self.neck, Attending):
            return (*found, self.neck.attention(seen))
        return found

    def features(self, pictures: Tensor) -> Tensor:
        """Features (N, F)."""
        features: Tensor = self.neck(self.body(self.normalise(pictures)))
        return features

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, K)."""
        logits: Tensor = self.head(self.features(pictures))
        return logits


class Standardise(nn.Module):
    """Brings features to mean 0 and a common deviation of 1, with fixed figures.

    A linear layer on raw features learns slowly, since they lie far from zero. One scale for all of
    them keeps what hardly varies from being blown up into noise.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(1))

    def measure(self, features: Tensor) -> None:
        """Take the figures from training features (N, F)."""
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, unbiased=False).mean()
        self.scale.fill_(1.0 / max(float(deviation), 1e-6))

    def forward(self, features: Tensor) -> Tensor:
        """(N, F) to (N, F)."""
        return (features - self.mean) * self.scale


class ByteDropout(nn.Module):
    """As ``nn.Dropout``, a quarter of its price on a CPU: one random number serves eight values.

    Args:
        share: of the values that are set to zero, rounded to 256ths.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.below = round(share * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, kept."""
        if not self.training or not self.below:
            return x
        if x.device.type != "cpu":  # accelerators draw numbers fast, and not all draw 64-bit ones
            return functional.dropout(x, self.below / 256, training=True)
        numbers = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
        # All 64 bits: random_() without limits leaves the sign bit alone.
        numbers.random_(-(2**63), None)
        kept = numbers.view(torch.uint8)[: x.numel()].view(x.shape) >= self.below
        return x * (kept.to(x.dtype) * (256 / (256 - self.below)))


def new_head(width: int, classes: int) -> nn.Sequential:
    """What is trained on a frozen network: features (N, width), brought to one scale, to logits
    (N, classes)."""
    return nn.Sequential(Standardise(width), ByteDropout(HEAD_DROPOUT), nn.Linear(width, classes))


def count_features(network: Network, channels: int, size: int) -> int:
    """F: how many features the network makes of a picture."""
    device = next(network.body.parameters()).device
    with torch.inference_mode():
        was_training = network.training
        network.eval()
        blank = torch.zeros(1, size, size, channels, dtype=torch.uint8, device=device)
        found = network.features(blank).shape[1]
        network.train(was_training)
    return int(found)
