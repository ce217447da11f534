"""Series of pictures: shots of one scene or person, told by capture times or file numbers.

Pictures are put in the order of their times or numbers. Where neighbours in that order look much
more alike than strangers, a series is what lies between two long pauses.
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

KNOWN = 0.8
"""At least this share of the pictures has a time, or a number, for it to be an order."""
NEXT = 2
"""File numbers this close are neighbours (a shot in between may have been thrown away)."""
PAUSE = 120.0
"""Seconds beyond which two shots are no neighbours."""
STRANGERS = 20_000
"""So many pairs are drawn to see how alike strangers are."""
ALIKE = 0.8
"""From this effect size on, neighbours as a whole are more alike than strangers. Measured: hands
of one person after another 2.2, things photographed class by class 0.2, unordered sets below 0.1.
"""
SAME_SCENE = 0.75
"""Neighbours whose features, less what their class has in common, correlate so much show one scene,
whatever the others do; and there are at least ``LEAST_SCENE`` of them."""
LEAST_SCENE = 3
LONGEST = 30
"""A series is cut at its longest pauses until it has no more than this, or 1/40 of the set."""

_NUMBER = re.compile(r"\d+(?=\D*$)")


class Order(NamedTuple):
    """Items in order, the gap before each (infinite where a new roll begins), and what gave it:
    ``capture times`` or ``file numbers``."""

    items: Indices
    gaps: npt.NDArray[np.float64]
    source: str


def order_of(
    items: Sequence[int], times: npt.NDArray[np.float64], files: Sequence[str]
) -> Order | None:
    """The order in which ``items`` were taken, from ``times`` and ``files`` of all; None where
    neither tells."""
    chosen = np.array(items, np.int64)
    if not len(chosen):
        return None
    timed = chosen[np.isfinite(times[chosen])]
    if len(timed) >= KNOWN * len(chosen) and len(np.unique(times[timed])) > len(timed) / 2:
        ordered = timed[np.argsort(times[timed], kind="stable")]
        gaps = np.diff(times[ordered], prepend=-np.inf)
        return Order(ordered, np.where(gaps > PAUSE, np.inf, gaps), "capture times")
    rolls = _numbered(chosen.tolist(), files)
    if len(rolls) < max(KNOWN * len(chosen), 2):
        return None
    rolls.sort()
    gaps = np.array(
        [np.inf]
        + [
            after[1] - before[1] if before[0] == after[0] else np.inf
            for before, after in pairwise(rolls)
        ]
    )
    gaps[gaps > NEXT] = np.inf
    return Order(np.array([item for *_, item in rolls], np.int64), gaps, "file numbers")


def _numbered(items: Sequence[int], files: Sequence[str]) -> list[tuple[str, int, int]]:
    """Roll, number and item. A roll is the name without its number; where two class folders have
    the same name in them, the folder too is part of the roll."""
    found = []
    for item in items:
        path = PurePosixPath(files[item])
        match = _NUMBER.search(path.stem)
        if match:
            roll = f"{path.stem[: match.start()]}#{path.stem[match.end() :]}"
            found.append((roll, int(match.group()[-15:]), item, str(path.parent)))
    names = [(roll, number) for roll, number, *_ in found]
    if len(set(names)) == len(names):
        return [(roll, number, item) for roll, number, item, _ in found]
    return [(f"{folder}/{roll}", number, item) for roll, number, item, folder in found]


def find_series(order: Order, features: Floats, labels: Indices) -> list[list[int]]:
    """The series among all items, at least two in each; none where neighbours are no more alike
    than strangers. ``features`` and ``labels`` are of all items of the set."""
    own = _without_class(features, labels)
    before, after = order.items[:-1], order.items[1:]
    near = np.isfinite(order.gaps[1:])
    if near.sum() < LEAST_SCENE:
        return []
    alike = (own[before] * own[after]).sum(1)
    strange = _strangers(own, order.items)
    effect = (alike[near].mean() - strange.mean()) / max(float(strange.std()), 1e-6)
    if effect >= ALIKE:
        longest = max(LONGEST, len(order.items) // 40)
        starts = _cut(order, np.concatenate([[-1.0], alike]), longest)
    else:
        scene = near & (alike >= SAME_SCENE)
        starts = np.concatenate([[True], ~scene])
    runs = np.split(order.items, np.flatnonzero(starts)[1:])
    least = 2 if effect >= ALIKE else LEAST_SCENE
    return [run.tolist() for run in runs if len(run) >= least]


def _without_class(features: Floats, labels: Indices) -> Floats:
    """Features less the mean of their class, at length 1."""
    own = features.copy()
    for label in np.unique(labels):
        own[labels == label] -= own[labels == label].mean(0)
    own /= np.linalg.norm(own, axis=1, keepdims=True) + 1e-6
    return own


def _strangers(own: Floats, items: Indices) -> Floats:
    chance = np.random.default_rng(0)
    one, other = chance.choice(items, (2, STRANGERS))
    apart = one != other
    found: Floats = (own[one[apart]] * own[other[apart]]).sum(1)
    return found


def _cut(order: Order, alike: Floats, longest: int) -> npt.NDArray[np.bool_]:
    """Where a series starts. Long ones are cut where the pause is longest, and of equal pauses
    where the neighbours are least alike."""
    starts = np.isinf(order.gaps)
    starts[0] = True
    waiting = list(zip(*_bounds(starts), strict=True))
    while waiting:
        first, end = waiting.pop()
        if end - first <= longest:
            continue
        gaps = order.gaps[first + 1 : end]
        longest_pauses = first + 1 + np.flatnonzero(gaps == gaps.max())
        at = int(longest_pauses[alike[longest_pauses].argmin()])
        starts[at] = True
        waiting += [(first, at), (at, end)]
    return starts


def _bounds(starts: npt.NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    first = np.flatnonzero(starts).tolist()
    return first, [*first[1:], len(starts)]
