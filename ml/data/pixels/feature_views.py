"""Feature views: fixed crops and mirror images of a picture, for a frozen backbone. No torch."""

import numpy as np

from ml.data.pixels.pixels import PixelSpec, to_spec

MIN_CROP_SIDE = 0.75
"""A crop keeps at least this share of the side."""


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
    generator = np.random.default_rng([int(picture[:12], 16), number])
    size = pixels.shape[0]
    side = max(1, round(size * generator.uniform(MIN_CROP_SIDE, 0.95)))
    top, left = generator.integers(0, size - side + 1, size=2)
    crop = np.ascontiguousarray(mirrored[top : top + side, left : left + side])
    return to_spec(crop, spec)
