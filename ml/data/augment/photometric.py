"""Photometric operations of augmentation: brightness and colour, pixel by pixel."""

import math
from typing import TYPE_CHECKING

from ml.data.augment.geometric import signed
from ml.data.augment.operations import operation

if TYPE_CHECKING:
    from torch import Tensor

LUMA = (0.2989, 0.587, 0.114)
"""The weights of red, green and blue in the perceived brightness."""


def luma(pictures: "Tensor") -> "Tensor":
    """The brightness (N, 1, S, S) of pictures (N, C, S, S)."""
    if pictures.shape[1] == 1:
        return pictures
    red, green, blue = LUMA
    brightness = pictures[:, 0] * red + pictures[:, 1] * green + pictures[:, 2] * blue
    return brightness.unsqueeze(1)


def _factor(numbers: "Tensor", strength: float) -> "Tensor":
    return 1 + strength * signed(numbers[:, 0]).view(-1, 1, 1, 1)


@operation("Brightness", "Lighter or darker.", default_strength=0.25)
def brightness(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Times 1 - ``strength`` to 1 + ``strength``."""
    return pictures * _factor(numbers, strength)


@operation("Contrast", "Harder or softer.", default_strength=0.25)
def contrast(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Away from the mean brightness or towards it."""
    mean = luma(pictures).mean((1, 2, 3), keepdim=True)
    return mean + (pictures - mean) * _factor(numbers, strength)


@operation("Saturation", "More colourful or paler.", default_strength=0.25)
def saturation(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Away from grey or towards it."""
    grey = luma(pictures)
    return grey + (pictures - grey) * _factor(numbers, strength)


@operation(
    "Hue",
    "All colours moved round the colour circle.",
    max_strength=180,
    default_strength=8,
    unit="degrees",
)
def hue(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Rotated as by ``hue-rotate`` of CSS, with a matrix that keeps greys."""
    if pictures.shape[1] == 1:
        return pictures
    angle = (signed(numbers[:, 0]) * math.radians(strength)).view(-1, 1, 1)
    cos, sin = angle.cos(), angle.sin()
    red, green, blue = pictures.unbind(1)
    grey = 0.213 * red + 0.715 * green + 0.072 * blue
    rotated = (
        -0.213 * red - 0.715 * green + 0.928 * blue,
        0.143 * red + 0.140 * green - 0.283 * blue,
        -0.787 * red + 0.715 * green + 0.072 * blue,
    )
    result = pictures.clone()
    for channel, (value, side) in enumerate(zip((red, green, blue), rotated, strict=True)):
        result[:, channel] = grey + (value - grey) * cos + side * sin
    return result


@operation("Grey", "Without its colours.", default_strength=0.1, unit="of the pictures")
def grey(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Grey where the number is below ``strength``."""
    return luma(pictures).where((numbers[:, 0] < strength).view(-1, 1, 1, 1), pictures)


@operation(
    "Fewer tones", "Brightness in coarse steps.", max_strength=7, default_strength=3, unit="bits"
)
def posterize(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Without the last 0 to ``strength`` of the 8 bits."""
    step = 2 ** (signed(numbers[:, 0]).abs() * strength).round().view(-1, 1, 1, 1)
    return (pictures / step).floor() * step


@operation("Solarise", "What is brighter than some value is inverted.", default_strength=0.3)
def solarize(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """The threshold falls from 256 by up to ``strength`` of it."""
    threshold = 256 * (1 - strength * signed(numbers[:, 0]).abs().view(-1, 1, 1, 1))
    return (255 - pictures).where(pictures >= threshold, pictures)


@operation(
    "Full contrast",
    "From the darkest to the brightest value there is, in each colour.",
    default_strength=0.5,
    unit="of the pictures",
)
def autocontrast(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Stretched where the number is below ``strength``; a flat colour stays as it is."""
    low, high = pictures.amin((2, 3), keepdim=True), pictures.amax((2, 3), keepdim=True)
    stretched = (pictures - low) * (255 / (high - low).clamp(min=1e-6))
    chosen = (numbers[:, 0] < strength).view(-1, 1, 1, 1) & (high > low)
    return stretched.where(chosen, pictures)


@operation(
    "Equalise",
    "Every brightness about equally often, in each colour.",
    default_strength=0.5,
    unit="of the pictures",
)
def equalize(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Equalised, as Pillow does it, where the number is below ``strength``."""
    count, channels, side, _ = pictures.shape
    values = pictures.round().long().reshape(count * channels, -1)
    histogram = values.new_zeros(count * channels, 256)
    histogram.scatter_add_(1, values, values.new_ones(1, 1).expand_as(values))
    last = histogram.gather(1, values.amax(1, keepdim=True))  # of the brightest value there is
    step = (side * side - last) // 255
    table = (histogram.cumsum(1) - histogram + step // 2) // step.clamp(min=1)
    equalized = table.clamp(0, 255).gather(1, values).to(pictures.dtype).view(pictures.shape)
    flat = (step == 0).view(count, channels, 1, 1)
    chosen = (numbers[:, 0] < strength).view(-1, 1, 1, 1) & ~flat
    return equalized.where(chosen, pictures)
