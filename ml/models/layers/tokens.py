"""A compact convolutional transformer: convolutional stem, transformer blocks, token pooling."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.models.network import AttentionNeck

MAX_TOKENS_PER_SIDE = 8
"""The stem halves the picture until at most so many tokens lie along each side."""
MIN_STEM_CHANNELS = 32


class TransformerBlock(nn.Module):
    """A pre-norm transformer block: multi-head self-attention, then an MLP on each token."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(2 * width, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, width) to the same shape."""
        tokens, width = x.shape[1], x.shape[2]
        projected = self.queries_keys_values(self.first(x))
        projected = projected.reshape(-1, tokens, 3, self.heads, width // self.heads)
        query, key, value = projected.permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        x = x + self.joined(attended.transpose(1, 2).reshape(-1, tokens, width))
        y: Tensor = x + self.mlp(self.second(x))
        return y


class TokenBody(nn.Module):
    """(N, C, S, S) to the map of tokens (N, width, h, h)."""

    def __init__(
        self, channels: int, size: int, width: int, depth: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        sides = [size]
        while len(sides) < 3 or sides[-1] > MAX_TOKENS_PER_SIDE:
            sides.append((sides[-1] + 1) // 2)
        halvings = len(sides) - 1
        layers: list[nn.Module] = []
        in_channels = channels
        for halvings_left in reversed(range(halvings)):
            out_channels = max(MIN_STEM_CHANNELS, width >> halvings_left)
            convolution = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
            in_channels = out_channels
        self.stem = nn.Sequential(*layers)
        self.side = sides[-1]
        self.position = nn.Parameter(torch.zeros(1, width, self.side, self.side))
        nn.init.trunc_normal_(self.position, std=0.02)
        self.blocks = nn.Sequential(
            *(TransformerBlock(width, heads, dropout) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = self.stem(x) + self.position
        tokens: Tensor = self.norm(self.blocks(x.flatten(2).transpose(1, 2)))
        return tokens.transpose(1, 2).reshape(-1, tokens.shape[2], self.side, self.side)


class TokenPool(AttentionNeck):
    """Sequence pooling: the mean of the tokens under learned attention weights."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weigh = nn.Conv2d(width, 1, 1)

    def attention(self, feature_map: Tensor) -> Tensor:
        """(N, D, h, w) to weights (N, 1, h, w) that sum to 1 for each picture."""
        scores: Tensor = self.weigh(feature_map)
        return scores.flatten(2).softmax(2).view_as(scores)

    def forward(self, feature_map: Tensor) -> Tensor:
        """(N, D, h, w) to features (N, D)."""
        return (feature_map * self.attention(feature_map)).sum((2, 3))
