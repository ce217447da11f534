"""Whether two thumbnails show one picture: laid over each other, then compared pixel by pixel.

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

STEPS = ((4, 4), (2, 4), (1, 2))
"""How much smaller than the thumbnails, and how many steps there."""
LEAST_PLACE = np.array([0.75, -0.3, 0.75, -0.3], np.float32)
MOST_PLACE = np.array([1.33, 0.3, 1.33, 0.3], np.float32)
"""How far a picture is scaled and moved along x and y, in halves of its side."""
PROMISING = 0.85
"""Pairs that correlate less than this at half size are not looked at any closer."""
LEAST_CORRELATION, LEAST_DETAIL, MOST_DIFFERENCE = 0.93, 0.85, 9.0
"""What two thumbnails of one picture reach. Measured with ``benchmarks.doctor``: pictures that were
resized, encoded again, cropped by 5 % or mirrored have a detail of 0.9 or more and differ by under
7 levels; of different photos of one thing before one background few come near either."""


class Likeness(NamedTuple):
    """How alike pairs are once aligned: the correlation of the thumbnails, that of their ``detail``
    (what a blur takes away), and the ``difference`` in grey levels, each (pairs,)."""

    correlation: Floats
    detail: Floats
    difference: Floats

    @property
    def same(self) -> Masks:
        """Whether they are one picture."""
        close = (self.correlation >= LEAST_CORRELATION) & (self.detail >= LEAST_DETAIL)
        return close & (self.difference <= MOST_DIFFERENCE)


def compare(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Likeness:
    """Compare pairs of thumbnails, uint8 (pairs, S, S), S a multiple of 4."""
    pairs = len(first)
    nothing = np.zeros(pairs, np.float32)
    found = Likeness(nothing, nothing.copy(), np.full(pairs, 255, np.float32))
    one, other = (_blur(side.astype(np.float32)) for side in (first, second))
    places = np.tile(np.array([1, 0, 1, 0], np.float32), (pairs, 1))
    left = np.arange(pairs)
    for shrink, steps in STEPS:
        small, like = _shrink(one[left], shrink), _shrink(other[left], shrink)
        if shrink > 2:
            small, like = _blur(small), _blur(like)
        places[left], reached = _fit(small, like, places[left], steps)
        found.correlation[left] = reached
        if shrink == 2:
            left = left[reached >= PROMISING]
        if not len(left):
            return found
    moved, seen = _move(one[left], places[left])
    seen[:, :2] = seen[:, -2:] = seen[:, :, :2] = seen[:, :, -2:] = False  # blurred across an edge
    other = other[left]
    found.detail[left] = _correlate(_detail(moved), _detail(other), seen)
    squares = ((moved - other) ** 2 * seen).sum((1, 2)) / np.maximum(seen.sum((1, 2)), 1)
    found.difference[left] = np.sqrt(squares)
    return found


def _fit(one: Floats, other: Floats, places: Floats, steps: int) -> tuple[Floats, Floats]:
    """The places at which ``one`` is most like ``other``, and the correlation reached there."""
    size = one.shape[1]
    across = _axis(size)
    best, best_places = np.full(len(one), -1, np.float32), places.copy()
    for step in range(steps + 1):
        moved, seen = _move(one, places)
        reached = _correlate(moved, other, seen)
        better = reached > best
        best[better], best_places[better] = reached[better], places[better]
        if step == steps:
            break
        down, right = (np.gradient(moved, axis=axis) * (size / 2) for axis in (1, 2))
        sides = (right * across, right, down * across[:, None], down, moved, np.ones_like(moved))
        columns = (np.stack(sides, 1) * seen[:, None]).reshape(len(one), len(sides), -1)
        squares = columns @ columns.transpose(0, 2, 1)
        damping = np.trace(squares, axis1=1, axis2=2)[:, None, None] / 600_000
        target = columns @ (other * seen).reshape(len(one), -1, 1)
        solved = np.linalg.solve(squares + damping * np.eye(len(sides), dtype="f4"), target)[..., 0]
        gain = np.where(np.abs(solved[:, 4:5]) < 0.2, 0.2, solved[:, 4:5])
        places = places + np.clip(solved[:, :4] / gain, -0.08, 0.08).astype(np.float32)
        places = np.clip(places, LEAST_PLACE, MOST_PLACE).astype(np.float32)
    return best_places, best


def _move(pictures: Floats, places: Floats) -> tuple[Floats, Masks]:
    """Pictures scaled and moved along x and y by ``places`` (a, b, c, d): x becomes a x + b, y
    becomes c y + d, in -1 to 1. And which pixels come from inside."""
    size = pictures.shape[1]
    across, inside_x = _tents(places[:, 0], places[:, 1], size)
    down, inside_y = _tents(places[:, 2], places[:, 3], size)
    moved = (down @ pictures @ across.transpose(0, 2, 1)).astype(np.float32, copy=False)
    return moved, inside_y[:, :, None] & inside_x[:, None]


def _tents(scale: Floats, offset: Floats, size: int) -> tuple[Floats, Masks]:
    """Linear interpolation as a matrix a pair, (pairs, size, size)."""
    at = (scale[:, None] * _axis(size) + offset[:, None] + 1) / 2 * size - 0.5
    inside = (at >= -0.5) & (at <= size - 0.5)
    distance = np.clip(at, 0, size - 1)[:, :, None] - np.arange(size, dtype=np.float32)
    return np.maximum(0, 1 - np.abs(distance)).astype(np.float32), inside


def _axis(size: int) -> Floats:
    axis: Floats = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
    return axis


def _correlate(one: Floats, other: Floats, seen: Masks) -> Floats:
    counted = np.maximum(seen.sum((1, 2)), 1).astype(np.float32)
    one, other = (
        (side - ((side * seen).sum((1, 2)) / counted)[:, None, None]) * seen
        for side in (one, other)
    )
    size = np.sqrt((one * one).sum((1, 2)) * (other * other).sum((1, 2)) + 1e-3)
    found: Floats = (one * other).sum((1, 2)) / size
    return found


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
