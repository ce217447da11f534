"""Image alignment: lay one picture over another, then compare them pixel by pixel.

A crop moves and scales what is left. So the first is moved and scaled along both axes until it fits
the second, by Gauss-Newton steps on their difference from coarse to fine (Lucas and Kanade 1981;
gain and offset of light are free, as in Evangelidis and Psarakis 2008). All of it works on many
pairs at once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8] | Floats

PYRAMID = ((4, 4), (2, 4), (1, 2))
"""Levels of the image pyramid, coarse to fine: (factor it shrinks by, steps)."""
MIN_TRANSFORM = np.array([0.75, -0.3, 0.75, -0.3], np.float32)
MAX_TRANSFORM = np.array([1.33, 0.3, 1.33, 0.3], np.float32)
"""Bounds of (scale x, offset x, scale y, offset y); offsets in halves of the side."""
MIN_COARSE_CORRELATION = 0.85
"""Pairs that correlate less at half size are not compared at full size."""
DARKEST_UNCLIPPED, LIGHTEST_UNCLIPPED = 4, 250
"""Levels beyond these may be clipped: there light changes pixels by no gain and offset."""
MIN_UNCLIPPED_SHARE = 0.2
"""Of the pixels that overlap. With fewer, such as of a drawing, clipped ones count too."""
MIN_GAIN, MAX_GAIN = 0.4, 2.5
MIN_VARIANCE = 1e-3
"""Of grey levels, below which a picture is blank."""


class Alignment(NamedTuple):
    """The ``transforms`` (pairs, 4) that lay the first of each pair over the second, and the
    ``correlation`` there, -1 to 1, (pairs,)."""

    transforms: Floats
    correlation: Floats


def align(
    first: Pixels,
    second: Pixels,
    *,
    transforms: Floats | None = None,
    pyramid: Sequence[tuple[int, int]] = PYRAMID,
) -> Alignment:
    """Align pairs of grey pictures, (pairs, S, S), S a multiple of 4.

    Args:
        first, second: grey levels, 0 to 255.
        transforms: where to start; each in its place unless given.
        pyramid: (factor to shrink by, steps), coarse to fine.
    """
    pairs = len(first)
    one, other = (blur(side.astype(np.float32)) for side in (first, second))
    if transforms is None:
        transforms = np.tile(np.array([1, 0, 1, 0], np.float32), (pairs, 1))
    alignment = Alignment(transforms.copy(), np.zeros(pairs, np.float32))
    remaining = np.arange(pairs)
    for shrink, steps in pyramid:
        first_small, second_small = (_shrink(side[remaining], shrink) for side in (one, other))
        if shrink > 2:
            first_small, second_small = blur(first_small), blur(second_small)
        fitted, correlation = _fit(
            first_small, second_small, alignment.transforms[remaining], steps
        )
        alignment.transforms[remaining] = fitted
        alignment.correlation[remaining] = correlation
        if shrink == 2:
            remaining = remaining[correlation >= MIN_COARSE_CORRELATION]
        if not len(remaining):
            break
    return alignment


def relative_residuals(first: Pixels, second: Pixels, transforms: Floats) -> Floats:
    """What is left of the second pictures once the first are laid over them, (pairs,).

    Gain, offset and blur are fitted, the same for all channels: a copy may be lighter, of other
    contrast, or softer. Pixels that may be clipped are left out.

    Args:
        first, second: grey levels, 0 to 255, (pairs, C, S, S).
        transforms: of ``align``.

    Returns:
        RMS of the residual over that of the second about its mean: 0 for a copy, 1 where the two
        have nothing in common.
    """
    pairs, channels, size = first.shape[:3]
    moved_parts = [move(first[:, c].astype(np.float32), transforms) for c in range(channels)]
    moved = np.stack([part for part, _ in moved_parts], 1)
    other = second.astype(np.float32)
    inside = moved_parts[0][1]
    edge = max(2, size // 32)  # interpolated or blurred across an edge
    inside[:, :edge] = inside[:, -edge:] = inside[:, :, :edge] = inside[:, :, -edge:] = False
    weights = np.broadcast_to(inside[:, None], moved.shape)
    unclipped = weights & _unclipped(moved) & _unclipped(other)
    enough = unclipped.sum((1, 2, 3)) >= MIN_UNCLIPPED_SHARE * weights.sum((1, 2, 3))
    weights = np.where(enough[:, None, None, None], unclipped, weights)
    soft = blur(blur(moved.reshape(-1, size, size))).reshape(moved.shape)
    pixels = np.maximum(weights.sum((1, 2, 3)), 1)[:, None, None]
    columns = np.stack([moved, soft, other], 1) * weights[:, None]
    columns = columns.reshape(pairs, 3, -1).astype(np.float64)
    columns -= columns.sum(2, keepdims=True) / pixels  # the offset of light
    columns *= weights.reshape(pairs, 1, -1)
    moments = columns @ columns.transpose(0, 2, 1) / pixels
    known, target = moments[:, :2, :2], moments[:, :2, 2:]
    damping = 1e-4 * np.trace(known, axis1=1, axis2=2)[:, None, None] + 1e-6
    fit = np.linalg.solve(known + damping * np.eye(2), target)[..., 0]
    residual = columns[:, 2] - (fit[:, :, None] * columns[:, :2]).sum(1)
    variance = np.maximum(moments[:, 2, 2], MIN_VARIANCE)
    relative = np.sqrt((residual**2).sum(1) / pixels[:, 0, 0] / variance)
    plausible = (fit.sum(1) >= MIN_GAIN) & (fit.sum(1) <= MAX_GAIN)
    return np.where(plausible, np.minimum(relative, 1), 1).astype(np.float32)


def _unclipped(pictures: Floats) -> Masks:
    clipped: Masks = (pictures < DARKEST_UNCLIPPED) | (pictures > LIGHTEST_UNCLIPPED)
    return ~clipped


def _fit(one: Floats, other: Floats, transforms: Floats, steps: int) -> tuple[Floats, Floats]:
    """The transforms at which ``one`` correlates most with ``other``, and the correlations."""
    size = one.shape[1]
    across = _axis(size)
    best, best_transforms = np.full(len(one), -1, np.float32), transforms.copy()
    for step in range(steps + 1):
        moved, inside = move(one, transforms)
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


def move(pictures: Floats, transforms: Floats) -> tuple[Floats, Masks]:
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


def blur(pictures: Floats) -> Floats:
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
