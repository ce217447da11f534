"""CBAM, the convolutional block attention module: channel attention, then spatial attention."""

import torch
from torch import Tensor, nn

from ml.models.network import AttentionNeck

REDUCTION = 8
KERNEL_SIZE = 7


class ChannelGate(nn.Module):
    """Channel attention: weighs each channel by its mean and maximum over the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        reduced_channels = max(4, channels // REDUCTION)
        self.mlp = nn.Sequential(
            nn.Linear(channels, reduced_channels),
            nn.ReLU(inplace=True),
            nn.Linear(reduced_channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, each channel times its weight (0 to 1)."""
        weights: Tensor = (self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))).sigmoid()
        return x * weights[:, :, None, None]


class SpatialGate(nn.Module):
    """Spatial attention: weighs each position by the mean and maximum of its channels."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, KERNEL_SIZE, padding=KERNEL_SIZE // 2, bias=False)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to weights (N, 1, H, W), each 0 to 1."""
        mean_and_maximum = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), 1)
        weights: Tensor = self.norm(self.convolution(mean_and_maximum)).sigmoid()
        return weights


class Cbam(nn.Module):
    """Channel attention followed by spatial attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels, self.places = ChannelGate(channels), SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, weighed."""
        x = self.channels(x)
        spatial_weights: Tensor = self.places(x)
        return x * spatial_weights


class SpatialAttentionNeck(AttentionNeck):
    """Applies spatial attention to the last feature map, pools and flattens it."""

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
