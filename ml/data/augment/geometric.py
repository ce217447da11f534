"""Geometric operations of augmentation: flip, crop, shift, turn, scale, shear. No torch import."""

import math
from typing import TYPE_CHECKING

from ml.data.augment.operations import Matrix, operation

if TYPE_CHECKING:
    from torch import Tensor

MAX_LOG_ASPECT = math.log(4 / 3)
"""The largest log aspect ratio of a crop, relative to the picture."""


def signed(numbers: "Tensor") -> "Tensor":
    """Numbers of 0 to 1 as -1 to 1."""
    return numbers * 2 - 1


@operation("Mirror", "Left becomes right.", default_strength=0.5, unit="of the pictures")
def flip(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """(N, C, S, S), mirrored where the number is below ``strength``."""
    mirrored = (numbers[:, 0] < strength).view(-1, 1, 1, 1)
    return pictures.flip(3).where(mirrored, pictures)


@operation("Upside down", "Top becomes bottom.", default_strength=0.5, unit="of the pictures")
def upside_down(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """(N, C, S, S), flipped where the number is below ``strength``."""
    turned = (numbers[:, 0] < strength).view(-1, 1, 1, 1)
    return pictures.flip(2).where(turned, pictures)


@operation(
    "Quarter turns",
    "Turned by 90, 180 or 270 degrees. At 75 % every side is up equally often.",
    numbers=2,
    default_strength=0.75,
    unit="of the pictures",
)
def quarter(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """(N, C, S, S), turned anticlockwise where the first number is below ``strength``."""
    turns = (numbers[:, 0] < strength) * (1 + (numbers[:, 1] * 3).long().clamp(max=2))
    result = pictures
    for number in (1, 2, 3):
        # A quarter turn anticlockwise swaps the axes, then the last row comes first.
        turned = (
            pictures.flip(2).flip(3)
            if number == 2
            else pictures.transpose(2, 3).flip(2 if number == 1 else 3)
        )
        result = turned.where((turns == number).view(-1, 1, 1, 1), result)
    return result


@operation(
    "Crop",
    "A part of the picture, enlarged. The figure is how much of the area may be cut away.",
    numbers=4,
    max_strength=0.9,
    default_strength=0.4,
    kind="move",
)
def crop(numbers: "Tensor", strength: float) -> Matrix:
    """The numbers choose area, shape, and place (x, y)."""
    area = 1 - strength * signed(numbers[:, 0]).abs()
    room = (-area.log()).clamp(max=MAX_LOG_ASPECT) / 2  # no side is longer than the picture's
    shape = (signed(numbers[:, 1]) * room).exp()
    width, height = area.sqrt() * shape, area.sqrt() / shape
    right, down = signed(numbers[:, 2]), signed(numbers[:, 3])
    return width, 0.0, right * (1 - width), 0.0, height, down * (1 - height)


@operation(
    "Shift",
    "Moved in any direction.",
    numbers=2,
    max_strength=0.5,
    default_strength=0.08,
    unit="of the side",
    kind="move",
)
def shift(numbers: "Tensor", strength: float) -> Matrix:
    """The numbers are how far to the right and down."""
    return (
        1.0,
        0.0,
        -2 * strength * signed(numbers[:, 0]),
        0.0,
        1.0,
        -2 * strength * signed(numbers[:, 1]),
    )


@operation(
    "Turn", "Turned either way.", max_strength=180, default_strength=15, unit="degrees", kind="move"
)
def turn(numbers: "Tensor", strength: float) -> Matrix:
    """Clockwise above 0.5."""
    angle = signed(numbers[:, 0]) * math.radians(strength)
    return angle.cos(), angle.sin(), 0.0, -angle.sin(), angle.cos(), 0.0


@operation("Scale", "Larger or smaller.", default_strength=0.15, kind="move")
def scale(numbers: "Tensor", strength: float) -> Matrix:
    """By up to 1 + ``strength``; larger above 0.5."""
    factor = (signed(numbers[:, 0]) * -math.log1p(strength)).exp()
    return factor, 0.0, 0.0, 0.0, factor, 0.0


@operation(
    "Shear", "Leaning over, as slanted writing.", numbers=2, default_strength=0.15, kind="move"
)
def shear(numbers: "Tensor", strength: float) -> Matrix:
    """Sideways by the first number, up and down by the second."""
    return 1.0, strength * signed(numbers[:, 0]), 0.0, strength * signed(numbers[:, 1]), 1.0, 0.0
