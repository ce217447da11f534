"""Overlay: a heat map laid over a picture. Pure: numpy and Pillow alone."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.data.pixels.pixels import Pixels

STRENGTH = 0.6
"""How much of the colours covers the picture."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
VIRIDIS = np.array(
    [
        *((68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141)),
        *((39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37)),
    ],
    np.float32,
)
"""From cold to hot in nine equal steps. It grows lighter all the way, so it is read without seeing
colours too (Smith and van der Walt, matplotlib)."""

Heat = npt.NDArray[np.floating]


def stretched(values: Heat) -> Heat:
    """Any values (h, w) as heat: the lowest is 0, the highest 1. Where all are the same, all are 0.

    Raises:
        ValueError: a value is not a number.
    """
    if not np.isfinite(values).all():
        raise ValueError("A heat map has values that are not numbers.")
    span = float(np.ptp(values))
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)


def colours(heat: Heat) -> npt.NDArray[np.float32]:
    """Heat between 0 and 1, any shape, as colours (..., 3) of 0 to 255."""
    steps = np.linspace(0, 1, len(VIRIDIS))
    channels = [np.interp(heat, steps, VIRIDIS[:, n]) for n in range(3)]
    return np.stack(channels, -1).astype(np.float32)


def enlarged(heat: Heat, width: int, height: int) -> npt.NDArray[np.float32]:
    """A map (h, w) as (height, width), by straight lines between the middles of its places."""
    small = Image.fromarray(np.ascontiguousarray(heat, np.float32))
    return np.asarray(small.resize((width, height), Image.Resampling.BILINEAR), np.float32)


def overlay(picture: Pixels, heat: Heat, strength: float = STRENGTH) -> Pixels:
    """``picture`` uint8 (H, W, 3), or (H, W, 1), in grey under ``heat`` (h, w) of 0 to 1 in colour.

    Grey, so that every colour that is seen is heat. ``strength`` 0 shows the picture alone, 1 the
    map alone. The answer is uint8 (H, W, 3).
    """
    large = enlarged(heat, picture.shape[1], picture.shape[0])
    grey = picture @ LUMA if picture.shape[2] == 3 else picture[:, :, 0].astype(np.float32)
    mixed = (1 - strength) * grey[:, :, None] + strength * colours(large.clip(0, 1))
    return np.rint(mixed).astype(np.uint8)
