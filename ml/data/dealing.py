"""Deal pictures out to the sides of a split, in proportion, never parting what is one."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ml.data.columns import Item

Indices = npt.NDArray[np.int64]


def units_of(items: Sequence[Item], pool: Indices) -> list[list[int]]:
    """The indices of ``pool``, those together that must not be parted."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    chosen = [(n, items[n]) for n in pool.tolist()]
    for _, item in chosen:
        if item.group is not None:
            parent[root(item.hash)] = root(f"group {item.group}")
    units: dict[str, list[int]] = defaultdict(list)
    for n, item in chosen:
        units[root(item.hash)].append(n)
    return list(units.values())


def ranked(items: Sequence[Item], units: list[list[int]], seed: int) -> list[list[int]]:
    """The units in an order that the pictures and the seed decide."""

    def rank(unit: list[int]) -> str:
        names = (f"{seed} {items[n].hash}".encode() for n in unit)
        return min(hashlib.sha256(name).hexdigest() for name in names)

    return sorted(units, key=rank)


def deal(
    items: Sequence[Item],
    units: list[list[int]],
    place: int,
    wanted: Mapping[int, int],
    side: Indices,
) -> None:
    """Deal ``units`` out to ``place``, which is to have ``wanted`` of each class, and the rest to
    training.

    A unit of several pictures goes where its classes are furthest from their share, so that such
    units are dealt in proportion; single pictures then fill the place up to its share of a class.
    """
    total = Counter(items[n].label for unit in units for n in unit)
    shares = {(place, label): max(wanted[label], 0) for label in total}
    shares |= {(0, label): total[label] - shares[place, label] for label in total}
    lacking = dict(shares)
    single: dict[int, list[int]] = defaultdict(list)
    for unit in units:
        if len(unit) == 1:
            single[items[unit[0]].label].append(unit[0])
            continue
        of_unit = sorted(items[n].label for n in unit)
        at = max(
            (0, place),
            key=lambda at: sum(lacking[at, k] / max(shares[at, k], 1) for k in of_unit),
        )
        side[unit] = at
        for label in of_unit:
            lacking[at, label] -= 1
    for label, indices in single.items():
        end = max(lacking[place, label], 0)
        side[indices[:end]] = place
        side[indices[end:]] = 0


def deal_folds(items: Sequence[Item], pool: Indices, count: int, seed: int) -> list[Indices]:
    """The indices of ``pool`` dealt out to ``count`` parts, each sorted, stratified.

    The same picture and the same group never come in two parts. Where there are fewer that can be
    parted than parts, there are fewer parts.
    """
    units = units_of(items, pool)
    count = min(count, len(units))
    side = np.full(len(items), -1, dtype=np.int64)
    held = [Counter[int]() for _ in range(count)]
    order = np.random.default_rng([seed, count, 15]).permutation(len(units)).tolist()
    # Large units first: the small ones then even out what they leave.
    for unit in sorted((units[n] for n in order), key=len, reverse=True):
        labels = Counter(items[n].label for n in unit)
        at = min(
            range(count),
            key=lambda n: (sum(held[n][k] * size for k, size in labels.items()), held[n].total()),
        )
        side[unit] = at
        held[at] += labels
    return [np.flatnonzero(side == n).astype(np.int64) for n in range(count)]


def share_of(count: int, share: float, sides: int) -> int:
    """How many of ``count`` pictures make a share: at least one where training keeps one too."""
    return max(round(count * share), 1 if count > sides else 0)
