"""Attention in a convolutional network: what to look at, and where."""

import torch
from torch import Tensor, nn

from ml.models.network import Attending

REDUCTION = 8
KERNEL = 7


class ChannelGate(nn.Module):
    """Weighs each channel between 0 and 1, by its mean and its maximum over the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = max(4, channels // REDUCTION)
        self.mlp = nn.Sequential(
            nn.Linear(channels, narrow), nn.ReLU(inplace=True), nn.Linear(narrow, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), its channels weighed."""
        weights: Tensor = (self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))).sigmoid()
        return x * weights[:, :, None, None]


class SpatialGate(nn.Module):
    """How much each place counts, between 0 and 1, by mean and maximum over its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, KERNEL, padding=KERNEL // 2, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 1, H, W)."""
        both = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), 1)
        weights: Tensor = self.norm(self.convolution(both)).sigmoid()
        return weights


class Cbam(nn.Module):
    """Channels are weighed first, then places."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.places = ChannelGate(channels), SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), weighed."""
        x = self.channels(x)
        places: Tensor = self.places(x)
        return x * places


class AttendingNeck(Attending):
    """The last map, its channels weighed already, weighed place by place, pooled and flattened."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.gate, self.pool = SpatialGate(), pool

    def attention(self, feature_map: Tensor) -> Tensor:
        """(N, D, h, w) to (N, 1, h, w), between 0 and 1."""
        weights: Tensor = self.gate(feature_map)
        return weights

    def forward(self, feature_map: Tensor) -> Tensor:
        """(N, D, h, w) to features (N, F)."""
        features: Tensor = self.pool(feature_map * self.gate(feature_map))
        return features
