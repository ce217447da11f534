"""Split groups: items that must stay on one side of a split, joined by picture or by group."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ml.data.store.item import Item
from ml.data.store.item_arrays import Indices, groups_of, pictures_of

_HASHED_ROWS = 4096


@dataclass(frozen=True)
class SplitGroups:
    """Groups of item indices: ``members`` int64 (items,), where ``starts`` int64 (groups + 1,) says
    at which member each group begins."""

    members: Indices
    starts: Indices

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __iter__(self) -> Iterator[list[int]]:
        for start, stop in pairwise(self.starts.tolist()):
            yield self.members[start:stop].tolist()

    @property
    def sizes(self) -> Indices:
        """How many items each group has: int64 (groups,)."""
        return np.diff(self.starts)

    def take(self, order: Indices) -> "SplitGroups":
        """The groups with the numbers ``order``, in that order."""
        sizes = self.sizes[order]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        # From the new position of a member to its old one.
        shift = np.repeat(self.starts[order] - starts[:-1], sizes)
        return SplitGroups(self.members[np.arange(len(shift)) + shift], starts)


def split_groups(items: Sequence[Item], pool: Indices) -> SplitGroups:
    """The item indices ``pool`` as groups that must not be torn, by first occurrence."""
    if not len(pool):
        return SplitGroups(np.empty(0, np.int64), np.zeros(1, np.int64))
    ids = pictures_of(items)[pool]
    group_ids = groups_of(items)
    if group_ids is not None:
        ids = _connected_ids(ids, group_ids[pool])
    unique_ids, first_positions, inverse = np.unique(ids, return_index=True, return_inverse=True)
    if len(unique_ids) == len(pool):
        return SplitGroups(np.array(pool, np.int64), np.arange(len(pool) + 1))
    rank = np.empty(len(unique_ids), np.int64)
    rank[np.argsort(first_positions)] = np.arange(len(unique_ids))
    group_of_item = rank[inverse]
    starts = np.concatenate([[0], np.cumsum(np.bincount(group_of_item))])
    return SplitGroups(np.asarray(pool, np.int64)[np.argsort(group_of_item, kind="stable")], starts)


def group_ids(items: Sequence[Item], pool: Indices) -> Indices | None:
    """A number for the split group of each of the item indices ``pool``, by first occurrence: int64
    (n,). None where each is the only one of its group."""
    chosen = [items[n] for n in pool.tolist()]  # of a large set only these are looked at
    groups = split_groups(chosen, np.arange(len(chosen)))
    if len(groups) == len(chosen):
        return None
    ids = np.empty(len(chosen), np.int64)
    ids[groups.members] = np.repeat(np.arange(len(groups)), groups.sizes)
    return ids


def ordered_by_hash(items: Sequence[Item], groups: SplitGroups, seed: int) -> SplitGroups:
    """``groups`` in the order of the lowest hash of ``seed`` and picture in each."""
    ranks = np.empty(len(groups.members), np.uint64)
    for start in range(0, len(ranks), _HASHED_ROWS):
        chunk = groups.members[start : start + _HASHED_ROWS].tolist()
        names = (f"{seed} {items[n].hash}".encode() for n in chunk)
        # The first eight bytes of a hash are enough to order by.
        prefixes = b"".join(hashlib.sha256(name).digest()[:8] for name in names)
        ranks[start : start + len(chunk)] = np.frombuffer(prefixes, ">u8")
    if len(groups) < len(ranks):
        ranks = np.minimum.reduceat(ranks, groups.starts[:-1])
    return groups.take(np.argsort(ranks, kind="stable"))


def _connected_ids(pictures: Indices, groups: Indices) -> Indices:
    """A number for each item, equal within a connected component of items that share a picture or a
    group (not -1)."""
    ids, grouped = pictures.copy(), groups >= 0
    while True:
        min_by_group = np.full(int(groups.max(initial=0)) + 1, len(ids) + int(ids.max()), np.int64)
        np.minimum.at(min_by_group, groups[grouped], ids[grouped])
        joined = ids.copy()
        joined[grouped] = np.minimum(ids[grouped], min_by_group[groups[grouped]])
        min_by_picture = np.full(int(pictures.max()) + 1, len(ids) + int(ids.max()), np.int64)
        np.minimum.at(min_by_picture, pictures, joined)
        joined = min_by_picture[pictures]
        if np.array_equal(joined, ids):
            return ids
        ids = joined
