"""``Network``, the interface of every model: pictures -> feature map -> features -> logits."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.models.outputs import ATTENTION, OUTPUTS

IMAGENET_MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD = (0.229 * 255, 0.224 * 255, 0.225 * 255)
SCRATCH_MEAN = (127.5,)
SCRATCH_STD = (64.0,)
HEAD_DROPOUT = 0.3


class AttentionNeck(nn.Module):
    """A neck that weighs the positions of the feature map before it pools them to features."""

    def attention(self, feature_map: Tensor) -> Tensor:
        """(N, D, h, w) to the weight of each position (N, 1, h, w), at least 0."""
        raise NotImplementedError


class Network(nn.Module):
    """A classifier in three parts, with its preprocessing inside.

    ``body`` takes normalised pictures (N, C, H, W) to the last feature map (N, D, h, w), ``neck``
    that to features (N, F), ``head`` those to logits (N, K).

    Args:
        to_map: turns the output of ``body`` into a feature map, where it is something else.
        mean, std: by channel, subtracted from and divided into pixels of 0 to 255; one value serves
            all channels.
        expand: the number of channels that ``body`` takes, to which a grey picture is repeated;
            0 for as many as the picture has.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        body: nn.Module,
        neck: nn.Module,
        head: nn.Module,
        *,
        mean: Sequence[float] = SCRATCH_MEAN,
        std: Sequence[float] = SCRATCH_STD,
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
        """Pictures (N, S, S, C), uint8 or float of 0 to 255, normalised, as (N, C, S, S).

        The permuted view has torch's memory format ``channels_last`` without a copy.
        """
        x = (pictures.permute(0, 3, 1, 2).to(self.mean.dtype) - self.mean) / self.std
        if self.expand and x.shape[1] != self.expand:
            x = x.expand(-1, self.expand, -1, -1)
        return x

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs of ``all_outputs``."""
        return (*OUTPUTS, ATTENTION) if isinstance(self.neck, AttentionNeck) else OUTPUTS

    def all_outputs(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Logits (N, K), features (N, F), the last feature map (N, D, h, w), and the attention
        (N, 1, h, w) where the neck is an ``AttentionNeck``."""
        body_output = self.body(self.normalise(pictures))
        features = self.neck(body_output)
        outputs = (self.head(features), features, self.to_map(body_output))
        if isinstance(self.neck, AttentionNeck):
            return (*outputs, self.neck.attention(body_output))
        return outputs

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures (N, S, S, C) to features (N, F)."""
        features: Tensor = self.neck(self.body(self.normalise(pictures)))
        return features

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (N, S, S, C) to logits (N, K)."""
        logits: Tensor = self.head(self.features(pictures))
        return logits


class Standardise(nn.Module):
    """Standardises features: subtracts their mean and divides by one common deviation.

    A linear layer learns slowly on features that lie far from zero. One scale for all features
    keeps a nearly constant feature from being amplified into noise.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(1))

    def fit(self, features: Tensor) -> None:
        """Estimate mean and scale from training features (N, F)."""
        self.mean.copy_(features.mean(0))
        deviation = features.std(0, unbiased=False).mean()
        self.scale.fill_(1.0 / max(float(deviation), 1e-6))

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, F) to standardised features (N, F)."""
        return (features - self.mean) * self.scale


class ByteDropout(nn.Module):
    """Dropout by random bytes: one 64-bit random number serves eight values.

    On a CPU it takes a quarter of the time of ``nn.Dropout``.

    Args:
        rate: the share of values that are set to zero, 0 to 1, rounded to 256ths.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.drop_below = round(rate * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the same shape."""
        if not self.training or not self.drop_below:
            return x
        if x.device.type != "cpu":  # nn's dropout is fast there, and MPS draws no 64-bit numbers
            return functional.dropout(x, self.drop_below / 256, training=True)
        random_words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64, device=x.device)
        # All 64 bits: random_() without limits leaves the sign bit alone.
        random_words.random_(-(2**63), None)
        is_kept = random_words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.drop_below
        return x * (is_kept.to(x.dtype) * (256 / (256 - self.drop_below)))


def new_head(width: int, classes: int) -> nn.Sequential:
    """A head for a frozen backbone: features (N, width), standardised, to logits (N, classes)."""
    return nn.Sequential(Standardise(width), ByteDropout(HEAD_DROPOUT), nn.Linear(width, classes))


def count_features(network: Network, channels: int, size: int) -> int:
    """The number of features F that ``network`` makes of a square of ``size`` px."""
    device = next(network.body.parameters()).device
    with torch.inference_mode():
        was_training = network.training
        network.eval()
        blank = torch.zeros(1, size, size, channels, dtype=torch.uint8, device=device)
        features = network.features(blank).shape[1]
        network.train(was_training)
    return int(features)
