"""The body of torchvision's vision transformer, for pictures of any size."""

from typing import Any

import torch
from torch import Tensor, nn


class PatchBody(nn.Module):
    """(N, C, S, S) to tokens (N, 1 + h * h, D), the class token first.

    What is left at the edges where the patches do not fill the picture is cut off evenly.
    """

    def __init__(self, transformer: Any, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.conv_proj, self.encoder = transformer.conv_proj, transformer.encoder
        self.class_token = transformer.class_token

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        side = x.shape[2] // self.patch * self.patch
        edge = (x.shape[2] - side) // 2
        x = self.conv_proj(x[:, :, edge : edge + side, edge : edge + side])
        tokens = x.flatten(2).transpose(1, 2)
        # len() would be a fixed number in the exported file, which then takes no other batch.
        first = self.class_token.expand(tokens.shape[0], -1, -1)
        found: Tensor = self.encoder(torch.cat((first, tokens), 1))
        return found


class ClassToken(nn.Module):
    """Tokens (N, 1 + T, D) to features (N, D): the class token, which is what was trained."""

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        return tokens[:, 0]


class TokenMap(nn.Module):
    """Tokens (N, 1 + h * h, D) to the map (N, D, h, h)."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, tokens: Tensor) -> Tensor:
        """See the class."""
        places = tokens[:, 1:].transpose(1, 2)
        return places.reshape(-1, places.shape[1], self.side, self.side)
