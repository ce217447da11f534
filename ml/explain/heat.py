"""Heat maps of a picture: how much each place of it speaks for a class. Pure functions.

A map (h, w) is of a few places; ``ml.explain.overlay`` lays it over the picture.
"""

import numpy as np
import numpy.typing as npt

from ml.explain.overlay import enlarged

Heat = npt.NDArray[np.float32]
MIN_FINE_SIDE = 8
"""Places a side of a map from which on it is finer than most of what pictures show."""


def scaled(heat: npt.NDArray[np.float32]) -> Heat:
    """What speaks for the class, 0 to 1: the hottest place is 1. All zero where nothing does."""
    positive = np.maximum(np.nan_to_num(heat), 0)
    top = float(positive.max(initial=0.0))
    return np.asarray(positive / top if top > 0 else positive, np.float32)


def smoothed(heat: npt.NDArray[np.float32]) -> Heat:
    """A map (h, w) whose places are finer than what one sees in pictures: each takes in half of its
    neighbours, so that the middle of a thing is hotter than its hottest edge. Coarser ones stay."""
    if min(heat.shape) < MIN_FINE_SIDE:
        return heat
    around = np.pad(heat, 1)  # beyond the edge nothing was seen
    rows = around[:-2] / 2 + around[1:-1] + around[2:] / 2
    return np.asarray(rows[:, :-2] / 2 + rows[:, 1:-1] + rows[:, 2:] / 2, np.float32)


def peak(heat: npt.NDArray[np.float32], side: int) -> tuple[int, int]:
    """Row and column, in a picture of ``side`` px, of the hottest place."""
    row, column = np.unravel_index(int(enlarged(heat, side, side).argmax()), (side, side))
    return int(row), int(column)


def hottest(heat: npt.NDArray[np.float32], side: int, share: float) -> npt.NDArray[np.bool_]:
    """The hottest ``share`` of the pixels of a picture of ``side`` px: (side, side)."""
    order = np.argsort(-enlarged(heat, side, side), axis=None, kind="stable")
    chosen = np.zeros(side * side, bool)
    chosen[order[: max(1, round(share * side * side))]] = True
    return chosen.reshape(side, side)
