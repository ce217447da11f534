"""MixUp and CutMix: mix the pictures of a batch two by two, and their labels.

Each picture is mixed with the one before it in the batch; how much is a function of (seed, epoch,
picture).
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.data.augment.batch import mix

ALPHA = {"mixup": 0.2, "cutmix": 1.0}
"""Shares are drawn from Beta(alpha, alpha), with the values of the papers for ImageNet."""


class Mixing:
    """Call it with pictures (N, S, S, C), labels (N,) and row numbers (N,) in the training split.

    Args:
        kind: ``mixup`` or ``cutmix``.
        count: pictures of the training split.
        classes: how many there are.
    """

    def __init__(
        self,
        kind: str,
        seed: int,
        count: int,
        classes: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.kind, self.seed, self.count, self.classes = kind, seed, count, classes
        self.device = torch.device(device)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch's shares and places, (count,) and (count, 2)."""
        chance = np.random.default_rng(mix(self.seed, epoch, 4))
        alpha = ALPHA[self.kind]
        shares = chance.beta(alpha, alpha, self.count).astype(np.float32)
        self.shares = torch.from_numpy(shares).to(self.device)
        self.places = torch.from_numpy(chance.random((self.count, 2), np.float32)).to(self.device)

    def __call__(self, pictures: Tensor, labels: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mixed pictures of the same shape, and how much of each class is in them (N, classes)."""
        partners, shares = pictures.roll(1, 0), self.shares[rows]
        if self.kind == "mixup":
            mixed = mixup(pictures, partners, shares)
        else:
            mixed, shares = cutmix(pictures, partners, shares, self.places[rows])
        own = functional.one_hot(labels, self.classes).float()
        shares = shares[:, None]
        return mixed, shares * own + (1 - shares) * own.roll(1, 0)


def mixup(pictures: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
    """``shares`` (N,) of the pictures (N, S, S, C) and the rest of their partners: float."""
    shares = shares.view(-1, 1, 1, 1)
    return partners.float() + (pictures.float() - partners.float()) * shares


def cutmix(
    pictures: Tensor, partners: Tensor, shares: Tensor, places: Tensor
) -> tuple[Tensor, Tensor]:
    """A box of the partner in each picture, and each picture's share of the result: (N,).

    Args:
        shares: (N,), the area outside the box before it is cut off at the border.
        places: (N, 2), the middle of the box, 0 to 1.
    """
    size = pictures.shape[1]
    middle = places * size
    reach = ((1 - shares).sqrt() * size / 2)[:, None]
    first = (middle - reach).round().clamp(0, size)
    last = (middle + reach).round().clamp(0, size)
    line = torch.arange(size, device=pictures.device)
    inside = (line >= first[..., None]) & (line < last[..., None])  # (N, 2, S)
    box = inside[:, 0, :, None] & inside[:, 1, None, :]
    kept_shares = 1 - box.float().mean((1, 2))
    return torch.where(box[..., None], partners, pictures), kept_shares
