"""The versions of a picture that a frozen network sees. Light: numpy and the one resizer."""

import numpy as np

from ml.data.pixels.pixels import PixelSpec, to_spec

SMALLEST = 0.75
"""The least share of the side that a crop keeps."""


def view(pixels: np.ndarray, number: int, picture: str, spec: PixelSpec) -> np.ndarray:
    """View ``number`` of a picture (S, S, C), uint8 and of the same shape.

    0 is the picture itself, 1 its mirror image, further ones random crops, every other mirrored.
    A crop is a function of ``picture`` (its hash) and ``number``: features of it can be kept.
    """
    if number == 0:
        return pixels
    mirrored = pixels[:, ::-1] if number % 2 else pixels
    if number == 1:
        return np.ascontiguousarray(mirrored)
    chance = np.random.default_rng([int(picture[:12], 16), number])
    size = pixels.shape[0]
    side = max(1, round(size * chance.uniform(SMALLEST, 0.95)))
    top, left = chance.integers(0, size - side + 1, size=2)
    crop = np.ascontiguousarray(mirrored[top : top + side, left : left + side])
    return to_spec(crop, spec)
