"""Filter operations of augmentation: blur, sharpness, noise, erasing."""

from functools import lru_cache
from typing import TYPE_CHECKING

from ml.data.augment.geometric import signed
from ml.data.augment.operations import operation

if TYPE_CHECKING:
    from torch import Tensor


@operation("Blur", "Out of focus.", max_strength=0.05, default_strength=0.01, unit="of the side")
def blur(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """By a Gaussian with a standard deviation of 0 to ``strength`` of the side."""
    import torch
    from torch.nn import functional

    count, channels, side, _ = pictures.shape
    reach = min(side - 1, max(1, int(3 * strength * side + 0.5)))
    width = (signed(numbers[:, 0]).abs() * strength * side).clamp(min=1e-3)
    line = torch.arange(-reach, reach + 1, device=pictures.device) / width[:, None]
    weights = (-0.5 * line.square()).softmax(1).to(pictures.dtype)
    weights = weights.repeat_interleave(channels, 0)
    blurred = pictures.reshape(1, count * channels, side, side)
    blurred = functional.pad(blurred, (reach,) * 4, mode="reflect")
    blurred = functional.conv2d(blurred, weights[:, None, None, :], groups=count * channels)
    blurred = functional.conv2d(blurred, weights[:, None, :, None], groups=count * channels)
    return blurred.view(pictures.shape)


@operation("Sharpness", "Sharper or softer.", default_strength=0.5)
def sharpness(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Away from a smoothed picture or towards it, as in Pillow; the border stays."""
    from torch.nn import functional

    side, channels = pictures.shape[3], pictures.shape[1]
    if side < 3:
        return pictures
    kernel = pictures.new_ones(3, 3)
    kernel[1, 1] = 5
    kernel = (kernel / kernel.sum()).expand(channels, 1, 3, 3)
    smooth = pictures.clone()
    smooth[:, :, 1:-1, 1:-1] = functional.conv2d(pictures, kernel, groups=channels)
    factor = 1 + strength * signed(numbers[:, 0]).view(-1, 1, 1, 1)
    return smooth + (pictures - smooth) * factor


@operation("Noise", "Grain, as in the dark.", numbers=2, max_strength=0.5, default_strength=0.06)
def noise(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """Normal, with a standard deviation of 0 to ``strength`` of white.

    Each picture's grain is a stretch of one array, which the second number chooses: it is a
    function of the picture's numbers, whatever the batch.
    """
    length = pictures[0].numel()
    sheet = _grain(length).to(pictures.device)
    stretches = sheet.as_strided((length, length), (1, 1))
    grain = stretches.index_select(0, (numbers[:, 1] * length).long().clamp(max=length - 1))
    deviation = 255 * strength * signed(numbers[:, 0]).abs().view(-1, 1, 1, 1)
    return pictures + deviation * grain.view(pictures.shape)


@lru_cache(maxsize=4)
def _grain(length: int) -> "Tensor":
    """Twice ``length`` normal numbers from a fixed seed."""
    import torch

    return torch.randn(2 * length, generator=torch.Generator().manual_seed(0))


@operation(
    "Erase",
    "A square is missing. The figure is its side.",
    numbers=2,
    max_strength=0.8,
    default_strength=0.3,
    unit="of the side",
)
def erase(pictures: "Tensor", numbers: "Tensor", strength: float) -> "Tensor":
    """A square around a random point, cut off at the border, becomes the mean of the picture."""
    side = pictures.shape[3]
    line = pictures.new_tensor([(pixel + 0.5) / side for pixel in range(side)])
    reach = strength / 2
    rows = (line - numbers[:, :1]).abs() < reach
    columns = (line - numbers[:, 1:2]).abs() < reach
    hole = (rows[:, :, None] & columns[:, None, :])[:, None]
    return pictures.mean((1, 2, 3), keepdim=True).where(hole, pictures)
