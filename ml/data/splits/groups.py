"""Pictures that must not be parted: the same picture, and pictures of one group."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ml.data.store.item import Item
from ml.data.store.item_arrays import Indices, groups_of, pictures_of

_ROWS = 4096


@dataclass(frozen=True)
class Units:
    """Item indices ``members`` (items,), those of the unit ``n`` between ``starts`` (units + 1,)
    ``n`` and ``n + 1``."""

    members: Indices
    starts: Indices

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[list[int]]:
        for start, stop in pairwise(self.starts.tolist()):
            yield self.members[start:stop].tolist()

    @property
    def sizes(self) -> Indices:
        """How many pictures each unit has."""
        return np.diff(self.starts)

    def take(self, order: Indices) -> "Units":
        """The units that ``order`` names, in its order."""
        sizes = self.sizes[order]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        # Where each member stands: its place in its unit, from where the unit began.
        shift = np.repeat(self.starts[order] - starts[:-1], sizes)
        return Units(self.members[np.arange(len(shift)) + shift], starts)


def units_of(items: Sequence[Item], pool: Indices) -> Units:
    """The indices of ``pool``, those together that must not be parted, in the order in which they
    first come."""
    if not len(pool):
        return Units(np.empty(0, np.int64), np.zeros(1, np.int64))
    part = pictures_of(items)[pool]
    groups = groups_of(items)
    if groups is not None:
        part = _joined(part, groups[pool])
    found, first, number = np.unique(part, return_index=True, return_inverse=True)
    if len(found) == len(pool):
        return Units(np.array(pool, np.int64), np.arange(len(pool) + 1))
    rank = np.empty(len(found), np.int64)
    rank[np.argsort(first)] = np.arange(len(found))
    unit = rank[number]
    starts = np.concatenate([[0], np.cumsum(np.bincount(unit))])
    return Units(np.asarray(pool, np.int64)[np.argsort(unit, kind="stable")], starts)


def ranked(items: Sequence[Item], units: Units, seed: int) -> Units:
    """The units in an order that the pictures and the seed decide."""
    ranks = np.empty(len(units.members), np.uint64)
    for start in range(0, len(ranks), _ROWS):
        some = units.members[start : start + _ROWS].tolist()
        names = (f"{seed} {items[n].hash}".encode() for n in some)
        # Eight bytes order as all of them do.
        first = b"".join(hashlib.sha256(name).digest()[:8] for name in names)
        ranks[start : start + len(some)] = np.frombuffer(first, ">u8")
    if len(units) < len(ranks):
        ranks = np.minimum.reduceat(ranks, units.starts[:-1])
    return units.take(np.argsort(ranks, kind="stable"))


def _joined(pictures: Indices, groups: Indices) -> Indices:
    """A number for each item, the same for all that a picture or a group (not -1) joins, however
    many stand between."""
    part, grouped = pictures.copy(), groups >= 0
    while True:
        least = np.full(int(groups.max(initial=0)) + 1, len(part) + int(part.max()), np.int64)
        np.minimum.at(least, groups[grouped], part[grouped])
        joined = part.copy()
        joined[grouped] = np.minimum(part[grouped], least[groups[grouped]])
        of_picture = np.full(int(pictures.max()) + 1, len(part) + int(part.max()), np.int64)
        np.minimum.at(of_picture, pictures, joined)
        joined = of_picture[pictures]
        if np.array_equal(joined, part):
            return part
        part = joined
