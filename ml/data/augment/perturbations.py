"""Perturbations of training pictures, for robust training.

None of them is of a kind of ``ml.data.augment.corruptions``, so that accuracy on corruptions shows
that robustness carries over to unseen ones.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from ml.data.augment.geometric import signed
from ml.data.augment.operations import operation

if TYPE_CHECKING:
    from torch import Tensor

SHADE_POINTS = 4
"""Uneven light is interpolated from so many random points a side."""
SHEET_NUMBERS = 1024
"""The length of the shared array that random fields and filters are stretches of."""


@lru_cache(maxsize=8)
def _sheet(length: int, kind: str) -> "Tensor":
    """Twice ``length`` random numbers from a fixed seed: normal, or 0 to 1."""
    import torch

    chance = torch.Generator().manual_seed(1 if kind == "normal" else 2)
    draw = torch.randn if kind == "normal" else torch.rand
    return draw(2 * length, generator=chance)


def _random_stretch(number: "Tensor", length: int, kind: str = "normal") -> "Tensor":
    """Random numbers for each picture, float (N, length): a stretch of a shared array that
    ``number`` (N,) chooses, so that they do not depend on the batch."""
    sheet = _sheet(length, kind).to(number.device)
    stretches = sheet.as_strided((length, length), (1, 1))
    return stretches.index_select(0, (number * length).long().clamp(max=length - 1))


@operation("Speckle", "Grain that is stronger where it is bright.", numbers=2, default_strength=0.3)
def speckle(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Every value times 1 + a normal number with a deviation of 0 to ``strength``."""
    grain = _random_stretch(numbers[:, 1], pictures[0].numel()).view(pictures.shape)
    deviation = strength * signed(numbers[:, 0]).abs().view(-1, 1, 1, 1)
    return pictures * (1 + deviation * grain)


@operation(
    "Dead pixels", "Black and white dots.", numbers=2, max_strength=0.5, default_strength=0.05
)
def dots(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """0 to ``strength`` of the pixels are black or white, half of them each."""
    count, _, side, _ = pictures.shape
    drawn = _random_stretch(numbers[:, 1], side * side, "even").view(count, 1, side, side)
    half = strength * signed(numbers[:, 0]).abs().view(-1, 1, 1, 1) / 2
    return pictures.masked_fill(drawn < half, 0.0).masked_fill(drawn > 1 - half, 255.0)


@operation("Uneven light", "Lighter here, darker there.", numbers=2, default_strength=0.3)
def shade(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """A smooth field with the mean 0 and a deviation of 0 to ``strength`` / 2 of white is added."""
    from torch.nn import functional

    count, _, side, _ = pictures.shape
    points = _random_stretch(numbers[:, 1], SHEET_NUMBERS)[:, : SHADE_POINTS**2].reshape(
        count, 1, SHADE_POINTS, SHADE_POINTS
    )
    points = points - points.mean((2, 3), keepdim=True)
    field = functional.interpolate(points, (side, side), mode="bicubic", align_corners=False)
    deviation = 255 / 2 * strength * signed(numbers[:, 0]).abs().view(-1, 1, 1, 1)
    return pictures + deviation * field


@operation(
    "Tint",
    "A coloured light; the brightness stays.",
    numbers=2,
    max_strength=0.5,
    default_strength=0.3,
)
def tint(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Red by the first number, blue by the second, and green against both."""
    if pictures.shape[1] != 3:
        return pictures
    gain = pictures.new_ones(len(pictures), 3)
    gain[:, 0] += strength * signed(numbers[:, 0])
    gain[:, 2] += strength * signed(numbers[:, 1])
    gain[:, 1] -= strength * (signed(numbers[:, 0]) + signed(numbers[:, 1]))
    return pictures * gain[:, :, None, None]


@operation("Odd lens", "Edges come out otherwise than they are.", numbers=2, default_strength=0.5)
def lens(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """A random filter of 3x3 pixels whose sum is 1 (after Xu and others, "Robust and Generalizable
    Visual Representation Learning via Random Convolutions", 2021)."""
    from torch.nn import functional

    count, channels, side, _ = pictures.shape
    if side < 2:
        return pictures
    kernel = _random_stretch(numbers[:, 1], SHEET_NUMBERS)[:, :9].reshape(count, 3, 3)
    kernel = kernel - kernel.mean((1, 2), keepdim=True)
    kernel = kernel * (strength * signed(numbers[:, 0]).abs().view(-1, 1, 1))
    kernel[:, 1, 1] += 1
    weights = kernel.repeat_interleave(channels, 0)[:, None]
    padded = functional.pad(pictures.reshape(1, count * channels, side, side), (1,) * 4, "reflect")
    return functional.conv2d(padded, weights, groups=count * channels).view(pictures.shape)
