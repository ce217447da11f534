"""Confirmation of near duplicates: their residual in larger pixels beside that of strangers.

Strangers are the nearest different pictures of the same set. In photographs of one part before one
camera they differ by some levels, in a mixed set by far more: so a pair counts as one picture only
where its residual is far below theirs, whatever that is in this set.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.data.pixels.decode import load
from ml.data.store.originals import read_picture
from ml.doctor.image_alignment import align, relative_residuals
from ml.errors import BadInputError
from ml.workspace import Workspace

SIDE = 128
"""Pixels a side at which pairs are confirmed. At 256 a copy that was resized or encoded again has
lost as much detail as strangers differ by."""
PYRAMID = ((8, 4), (4, 2), (2, 2), (1, 2))
MAX_RESIDUAL = 0.25
"""Relative residual of a near duplicate, whatever the strangers are like."""
MAX_RATIO = 0.6
"""Of the residual of a near duplicate to that of strangers."""
MAX_SURE_RATIO = 0.35
"""Below it a near duplicate is confirmed; between the two it is worth a look."""
UNLIKE_RESIDUAL = 0.8
"""Of pictures that are no candidates: their hashes correlate by less than 0.6."""
STRANGERS_PER_PICTURE = 3
BLOCK = 32
MAX_CACHED_PICTURES = 2048

Pairs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]


class NearPairs(NamedTuple):
    """Near duplicates: ``pairs`` int64 (pairs, 2), first < second, and which are ``confirmed``."""

    pairs: Pairs
    confirmed: Masks


def confirm(
    workspace: Workspace,
    hashes: list[str],
    pairs: Pairs,
    mirrored: Masks,
    thumbnail_residuals: Floats,
    screened: Masks,
    progress: Callable[[float], None] = lambda share: None,
) -> NearPairs:
    """Compare ``screened`` pairs, and strangers of theirs, in larger pixels.

    Args:
        hashes: of the pictures in the workspace, by row.
        pairs, mirrored, thumbnail_residuals: the candidates, (pairs, 2) and (pairs,).
        screened: the candidates that may be near duplicates, (pairs,).
    """
    compared = screened | _nearest_strangers(pairs, thumbnail_residuals, screened)
    chosen = np.flatnonzero(compared)

    @lru_cache(MAX_CACHED_PICTURES)
    def pixels(row: int) -> npt.NDArray[np.uint8]:
        return _read(workspace, hashes[row])

    residuals = np.ones(len(chosen), np.float32)
    for start in range(0, len(chosen), BLOCK):
        progress(start / len(chosen))
        block = chosen[start : start + BLOCK]
        first = np.stack([pixels(row) for row in pairs[block, 0].tolist()])
        second = np.stack([pixels(row) for row in pairs[block, 1].tolist()])
        first[mirrored[block]] = first[mirrored[block]][..., ::-1]
        residuals[start : start + BLOCK] = _residuals(first, second)
    same = screened[chosen] & (residuals <= MAX_RESIDUAL)
    near = same & far_below_strangers(pairs[chosen], residuals, MAX_RATIO)
    sure = near & far_below_strangers(pairs[chosen], residuals, MAX_SURE_RATIO)
    return _unique(pairs[chosen[near]], sure[near])


def far_below_strangers(pairs: Pairs, residuals: Floats, max_ratio: float) -> Masks:
    """Which pairs have a residual of at most ``max_ratio`` times that of the strangers of both.

    The strangers of a picture come after the widest gap among its residuals, where that is wide
    enough to part copies from strangers; the median of the pictures around it counts as well, since
    one picture alone may have a gap by chance.
    """
    of_picture: dict[int, list[int]] = defaultdict(list)
    for place, (first, second) in enumerate(pairs.tolist()):
        of_picture[first].append(place)
        of_picture[second].append(place)
    levels = {
        picture: _stranger_level(residuals[places], max_ratio)
        for picture, places in of_picture.items()
    }
    below = np.zeros(len(pairs), bool)
    for place, pair in enumerate(pairs.tolist()):
        around = {int(row) for end in pair for n in of_picture[end] for row in pairs[n]} - {*pair}
        limits = [levels[end] for end in pair]
        if around:
            limits.append(float(np.median([levels[row] for row in around])))
        below[place] = residuals[place] <= max_ratio * min(limits)
    return below


def _stranger_level(residuals: Floats, max_ratio: float) -> float:
    """The residual of the nearest stranger among those of one picture."""
    known = np.maximum(residuals, 1e-4)
    alone = len(known) < STRANGERS_PER_PICTURE  # nothing else resembles it
    ordered = np.sort(np.append(known, UNLIKE_RESIDUAL) if alone else known)
    gaps = ordered[1:] / ordered[:-1]
    widest = int(gaps.argmax())
    return float(ordered[widest + 1] if gaps[widest] * max_ratio >= 1 else ordered[0])


def _nearest_strangers(pairs: Pairs, residuals: Floats, screened: Masks) -> Masks:
    """The pairs of the nearest pictures that are none of the ``screened``, for each of these."""
    chosen = np.zeros(len(pairs), bool)
    counts: dict[int, int] = dict.fromkeys(pairs[screened].ravel().tolist(), 0)
    for place in np.argsort(residuals, kind="stable").tolist():
        if screened[place]:
            continue
        for end in pairs[place].tolist():
            if counts.get(end, STRANGERS_PER_PICTURE) < STRANGERS_PER_PICTURE:
                counts[end] += 1
                chosen[place] = True
    return chosen


def _residuals(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Floats:
    """Relative residuals (pairs,) of RGB squares (pairs, 3, S, S), aligned by their grey."""
    grey = [side.mean(1, dtype=np.float32) for side in (first, second)]
    return relative_residuals(first, second, align(*grey, pyramid=PYRAMID).transforms)


def _read(workspace: Workspace, digest: str) -> npt.NDArray[np.uint8]:
    """A picture as an RGB square, uint8 (3, SIDE, SIDE); black where it is missing or damaged."""
    try:
        picture = load(read_picture(workspace, digest), at_least=2 * SIDE)[0]
    except BadInputError:
        return np.zeros((3, SIDE, SIDE), np.uint8)
    square = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(square).transpose(2, 0, 1)


def _unique(pairs: Pairs, confirmed: Masks) -> NearPairs:
    """Each pair once: one that is like itself mirrored was compared in both ways."""
    unique, place = np.unique(pairs, axis=0, return_inverse=True)
    either = np.zeros(len(unique), bool)
    np.logical_or.at(either, place.ravel(), confirmed)
    return NearPairs(unique.reshape(-1, 2), either)
