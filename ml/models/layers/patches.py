"""The body of torchvision's vision transformer (ViT), for squares of any size."""

from typing import Any

import torch
from torch import Tensor, nn


class PatchBody(nn.Module):
    """(N, C, S, S) to tokens (N, 1 + h * h, D), the class token first.

    Pixels at the edges that fill no patch are cropped evenly on both sides.
    """

    def __init__(self, transformer: Any, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.conv_proj, self.encoder = transformer.conv_proj, transformer.encoder
        self.class_token = transformer.class_token

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        side = x.shape[2] // self.patch_size * self.patch_size
        offset = (x.shape[2] - side) // 2
        x = self.conv_proj(x[:, :, offset : offset + side, offset : offset + side])
        tokens = x.flatten(2).transpose(1, 2)
        # len() would fix the batch size in the exported file.
        class_tokens = self.class_token.expand(tokens.shape[0], -1, -1)
        encoded: Tensor = self.encoder(torch.cat((class_tokens, tokens), 1))
        return encoded


class ClassToken(nn.Module):
    """Tokens (N, 1 + T, D) to features (N, D): the class token."""

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        return tokens[:, 0]


class TokenMap(nn.Module):
    """Patch tokens of (N, 1 + h * h, D) as a feature map (N, D, h, h)."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        patch_tokens = tokens[:, 1:].transpose(1, 2)
        return patch_tokens.reshape(-1, patch_tokens.shape[1], self.side, self.side)
