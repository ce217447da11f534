"""Capture series: shots of one scene or person, found by capture times or file numbers.

Pictures are sorted by time or number. Where neighbours in that order look much more alike than
random pairs, a series is what lies between two long pauses.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

MIN_SHARE_WITH_ORDER = 0.8
"""The share of pictures that must have a time, or a number, for it to give the order."""
MAX_NUMBER_GAP = 2
"""Between neighbours by file number: one shot in between may have been deleted."""
MAX_GAP_SECONDS = 120.0
"""Between neighbours by capture time."""
RANDOM_PAIRS = 20_000
"""Pairs that are drawn to measure the similarity of unrelated pictures."""
MIN_EFFECT_SIZE = 0.8
"""From this effect size on neighbours are more alike than random pairs. Measured:
hands of one person after another 2.2, things photographed class by class 0.2, unordered sets below
0.1."""
MIN_SCENE_CORRELATION = 0.75
"""Neighbours whose features, less the mean of their class, correlate so much show one scene,
whatever the others do; a scene has at least ``MIN_PICTURES_IN_SCENE`` of them."""
MIN_PICTURES_IN_SCENE = 3
MAX_SERIES_LENGTH = 30
"""A series is cut at its longest pauses until it has no more than this, or 1/40 of the set."""

_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")


class CaptureOrder(NamedTuple):
    """Items in order, the gap before each (infinite where a new roll begins), and what gave it:
    ``capture times`` or ``file numbers``."""

    items: Indices
    gaps: npt.NDArray[np.float64]
    source: str


def capture_order(
    items: Sequence[int], times: npt.NDArray[np.float64], files: Sequence[str]
) -> CaptureOrder | None:
    """The order in which ``items`` were taken, from ``times`` and ``files`` of all; None where
    neither tells."""
    chosen = np.array(items, np.int64)
    if not len(chosen):
        return None
    timed = chosen[np.isfinite(times[chosen])]
    if (
        len(timed) >= MIN_SHARE_WITH_ORDER * len(chosen)
        and len(np.unique(times[timed])) > len(timed) / 2
    ):
        ordered = timed[np.argsort(times[timed], kind="stable")]
        gaps = np.diff(times[ordered], prepend=-np.inf)
        return CaptureOrder(
            ordered, np.where(gaps > MAX_GAP_SECONDS, np.inf, gaps), "capture times"
        )
    rolls = _by_file_number(chosen.tolist(), files)
    if len(rolls) < max(MIN_SHARE_WITH_ORDER * len(chosen), 2):
        return None
    rolls.sort()
    gaps = np.array(
        [np.inf]
        + [
            after[1] - before[1] if before[0] == after[0] else np.inf
            for before, after in pairwise(rolls)
        ]
    )
    gaps[gaps > MAX_NUMBER_GAP] = np.inf
    return CaptureOrder(np.array([item for *_, item in rolls], np.int64), gaps, "file numbers")


def _by_file_number(items: Sequence[int], files: Sequence[str]) -> list[tuple[str, int, int]]:
    """Roll, number and item. A roll is the name without its number; where two class folders have
    the same name in them, the folder too is part of the roll."""
    numbered = []
    for item in items:
        path = PurePosixPath(files[item])
        match = _LAST_NUMBER.search(path.stem)
        if match:
            roll = f"{path.stem[: match.start()]}#{path.stem[match.end() :]}"
            numbered.append((roll, int(match.group()[-15:]), item, str(path.parent)))
    names = [(roll, number) for roll, number, *_ in numbered]
    if len(set(names)) == len(names):
        return [(roll, number, item) for roll, number, item, _ in numbered]
    return [(f"{folder}/{roll}", number, item) for roll, number, item, folder in numbered]


def find_series(order: CaptureOrder, features: Floats, labels: Indices) -> list[list[int]]:
    """The series among all items, at least two in each; none where neighbours are no more alike
    than random pairs. ``features`` (items, F) and ``labels`` (items,) are of the whole set."""
    centred = _centred_by_class(features, labels)
    before, after = order.items[:-1], order.items[1:]
    adjacent = np.isfinite(order.gaps[1:])
    if adjacent.sum() < MIN_PICTURES_IN_SCENE:
        return []
    similarities = (centred[before] * centred[after]).sum(1)
    random_similarities = _random_similarities(centred, order.items)
    effect = (similarities[adjacent].mean() - random_similarities.mean()) / max(
        float(random_similarities.std()), 1e-6
    )
    if effect >= MIN_EFFECT_SIZE:
        longest = max(MAX_SERIES_LENGTH, len(order.items) // 40)
        starts = _series_starts(order, np.concatenate([[-1.0], similarities]), longest)
    else:
        same_scene = adjacent & (similarities >= MIN_SCENE_CORRELATION)
        starts = np.concatenate([[True], ~same_scene])
    series = np.split(order.items, np.flatnonzero(starts)[1:])
    shortest = 2 if effect >= MIN_EFFECT_SIZE else MIN_PICTURES_IN_SCENE
    return [run.tolist() for run in series if len(run) >= shortest]


def _centred_by_class(features: Floats, labels: Indices) -> Floats:
    """Features less the mean of their class, at length 1."""
    centred = features.copy()
    for label in np.unique(labels):
        centred[labels == label] -= centred[labels == label].mean(0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True) + 1e-6
    return centred


def _random_similarities(centred: Floats, items: Indices) -> Floats:
    chance = np.random.default_rng(0)
    one, other = chance.choice(items, (2, RANDOM_PAIRS))
    different = one != other
    similarities: Floats = (centred[one[different]] * centred[other[different]]).sum(1)
    return similarities


def _series_starts(
    order: CaptureOrder, similarities: Floats, longest: int
) -> npt.NDArray[np.bool_]:
    """Where a series starts. Long ones are cut where the pause is longest, and of equal pauses
    where the neighbours are least alike."""
    starts = np.isinf(order.gaps)
    starts[0] = True
    pending = list(zip(*_bounds(starts), strict=True))
    while pending:
        first, end = pending.pop()
        if end - first <= longest:
            continue
        gaps = order.gaps[first + 1 : end]
        longest_pauses = first + 1 + np.flatnonzero(gaps == gaps.max())
        cut = int(longest_pauses[similarities[longest_pauses].argmin()])
        starts[cut] = True
        pending += [(first, cut), (cut, end)]
    return starts


def _bounds(starts: npt.NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    first = np.flatnonzero(starts).tolist()
    return first, [*first[1:], len(starts)]
