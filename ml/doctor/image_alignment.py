"""Image alignment: lay one thumbnail over another, then compare them pixel by pixel.

A crop moves and scales what is left. So the first is moved and scaled along both axes until it fits
the second, by Gauss-Newton steps on their difference from coarse to fine (Lucas and Kanade 1981;
gain and offset of light are free, as in Evangelidis and Psarakis 2008). All of it works on many
pairs at once.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]

PYRAMID = ((4, 4), (2, 4), (1, 2))
"""Levels of the image pyramid, coarse to fine: (factor it shrinks by, steps)."""
MIN_TRANSFORM = np.array([0.75, -0.3, 0.75, -0.3], np.float32)
MAX_TRANSFORM = np.array([1.33, 0.3, 1.33, 0.3], np.float32)
"""Bounds of (scale x, offset x, scale y, offset y); offsets in halves of the side."""
MIN_COARSE_CORRELATION = 0.85
"""Pairs that correlate less at half size are not compared at full size."""
MIN_CORRELATION, MIN_DETAIL_CORRELATION, MAX_GREY_DIFFERENCE = 0.93, 0.85, 9.0
"""Two thumbnails of one picture reach these. Measured with ``benchmarks.doctor``: pictures that
were resized, encoded again, cropped by 5 % or mirrored have a detail of 0.9 or more and differ by
under 7 levels; of different photos of one thing before one background few come near either."""


class Similarity(NamedTuple):
    """Similarity of aligned pairs, each (pairs,): the correlation of the thumbnails, -1 to 1, that
    of their ``detail`` (what a blur takes away), and the RMS ``difference`` in grey levels."""

    correlation: Floats
    detail: Floats
    difference: Floats

    @property
    def same_picture(self) -> Masks:
        """Whether each pair is one picture, (pairs,)."""
        close = (self.correlation >= MIN_CORRELATION) & (self.detail >= MIN_DETAIL_CORRELATION)
        return close & (self.difference <= MAX_GREY_DIFFERENCE)


def compare(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Similarity:
    """Compare pairs of thumbnails, uint8 (pairs, S, S), S a multiple of 4."""
    pairs = len(first)
    zeros = np.zeros(pairs, np.float32)
    similarity = Similarity(zeros, zeros.copy(), np.full(pairs, 255, np.float32))
    one, other = (_blur(side.astype(np.float32)) for side in (first, second))
    transforms = np.tile(np.array([1, 0, 1, 0], np.float32), (pairs, 1))
    remaining = np.arange(pairs)
    for shrink, steps in PYRAMID:
        first_small, second_small = (
            _shrink(one[remaining], shrink),
            _shrink(other[remaining], shrink),
        )
        if shrink > 2:
            first_small, second_small = _blur(first_small), _blur(second_small)
        transforms[remaining], correlation = _fit(
            first_small, second_small, transforms[remaining], steps
        )
        similarity.correlation[remaining] = correlation
        if shrink == 2:
            remaining = remaining[correlation >= MIN_COARSE_CORRELATION]
        if not len(remaining):
            return similarity
    moved, inside = _move(one[remaining], transforms[remaining])
    inside[:, :2] = inside[:, -2:] = inside[:, :, :2] = inside[:, :, -2:] = (
        False  # blurred across an edge
    )
    other = other[remaining]
    similarity.detail[remaining] = _correlate(_detail(moved), _detail(other), inside)
    squares = ((moved - other) ** 2 * inside).sum((1, 2)) / np.maximum(inside.sum((1, 2)), 1)
    similarity.difference[remaining] = np.sqrt(squares)
    return similarity


def _fit(one: Floats, other: Floats, transforms: Floats, steps: int) -> tuple[Floats, Floats]:
    """The transforms at which ``one`` correlates most with ``other``, and the correlations."""
    size = one.shape[1]
    across = _axis(size)
    best, best_transforms = np.full(len(one), -1, np.float32), transforms.copy()
    for step in range(steps + 1):
        moved, inside = _move(one, transforms)
        correlation = _correlate(moved, other, inside)
        better = correlation > best
        best[better], best_transforms[better] = correlation[better], transforms[better]
        if step == steps:
            break
        down, right = (np.gradient(moved, axis=axis) * (size / 2) for axis in (1, 2))
        regressors = (
            right * across,
            right,
            down * across[:, None],
            down,
            moved,
            np.ones_like(moved),
        )
        columns = (np.stack(regressors, 1) * inside[:, None]).reshape(len(one), len(regressors), -1)
        squares = columns @ columns.transpose(0, 2, 1)
        damping = np.trace(squares, axis1=1, axis2=2)[:, None, None] / 600_000
        target = columns @ (other * inside).reshape(len(one), -1, 1)
        coefficients = np.linalg.solve(
            squares + damping * np.eye(len(regressors), dtype="f4"), target
        )[..., 0]
        gain = np.where(np.abs(coefficients[:, 4:5]) < 0.2, 0.2, coefficients[:, 4:5])
        transforms = transforms + np.clip(coefficients[:, :4] / gain, -0.08, 0.08).astype(
            np.float32
        )
        transforms = np.clip(transforms, MIN_TRANSFORM, MAX_TRANSFORM).astype(np.float32)
    return best_transforms, best


def _move(pictures: Floats, transforms: Floats) -> tuple[Floats, Masks]:
    """Pictures scaled and moved along x and y by ``transforms`` (a, b, c, d): x becomes a x + b, y
    becomes c y + d, in -1 to 1. And which pixels come from inside."""
    size = pictures.shape[1]
    across, inside_x = _interpolation(transforms[:, 0], transforms[:, 1], size)
    down, inside_y = _interpolation(transforms[:, 2], transforms[:, 3], size)
    moved = (down @ pictures @ across.transpose(0, 2, 1)).astype(np.float32, copy=False)
    return moved, inside_y[:, :, None] & inside_x[:, None]


def _interpolation(scale: Floats, offset: Floats, size: int) -> tuple[Floats, Masks]:
    """Linear interpolation as a matrix a pair, (pairs, size, size)."""
    positions = (scale[:, None] * _axis(size) + offset[:, None] + 1) / 2 * size - 0.5
    inside = (positions >= -0.5) & (positions <= size - 0.5)
    distance = np.clip(positions, 0, size - 1)[:, :, None] - np.arange(size, dtype=np.float32)
    return np.maximum(0, 1 - np.abs(distance)).astype(np.float32), inside


def _axis(size: int) -> Floats:
    axis: Floats = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
    return axis


def _correlate(one: Floats, other: Floats, inside: Masks) -> Floats:
    pixels = np.maximum(inside.sum((1, 2)), 1).astype(np.float32)
    one, other = (
        (side - ((side * inside).sum((1, 2)) / pixels)[:, None, None]) * inside
        for side in (one, other)
    )
    norms = np.sqrt((one * one).sum((1, 2)) * (other * other).sum((1, 2)) + 1e-3)
    correlation: Floats = (one * other).sum((1, 2)) / norms
    return correlation


def _detail(pictures: Floats) -> Floats:
    return pictures - _blur(_blur(_blur(pictures)))


def _blur(pictures: Floats) -> Floats:
    """With weights 1, 2, 1 along both axes."""
    for axis in (1, 2):
        pad: list[Any] = [(0, 0)] * 3
        pad[axis] = (1, 1)
        padded = np.moveaxis(np.pad(pictures, pad, "edge"), axis, 0)
        blurred = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
        pictures = np.ascontiguousarray(np.moveaxis(blurred, 0, axis))
    return pictures


def _shrink(pictures: Floats, by: int) -> Floats:
    size = pictures.shape[1] // by
    shrunk: Floats = pictures.reshape(len(pictures), size, by, size, by).mean((2, 4))
    return shrunk
