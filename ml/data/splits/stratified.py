"""Deal pictures out to the sides of a split, in proportion, never parting what is one."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ml.data.splits.groups import Units, units_of
from ml.data.store.item import Item
from ml.data.store.item_arrays import Indices, labels_of


def count_labels(items: Sequence[Item], pool: Indices) -> dict[int, int]:
    """How many items of ``pool`` each label has that has any."""
    found = np.bincount(labels_of(items)[pool]).tolist()
    return {label: count for label, count in enumerate(found) if count}


def deal(
    items: Sequence[Item],
    units: Units,
    place: int,
    wanted: Mapping[int, int],
    side: Indices,
) -> None:
    """Deal ``units`` out to ``place``, which is to have ``wanted`` of each class, and the rest to
    training.

    A unit of several pictures goes where its classes are furthest from their share, so that such
    units are dealt in proportion; single pictures then fill the place up to its share of a class.
    """
    labels = labels_of(items)
    total = count_labels(items, units.members)
    shares = {(place, label): max(wanted[label], 0) for label in total}
    shares |= {(0, label): total[label] - shares[place, label] for label in total}
    lacking = dict(shares)
    alone = units.sizes == 1
    for unit in units.take(np.flatnonzero(~alone)):
        of_unit = sorted(labels[unit].tolist())
        at = max(
            (0, place),
            key=lambda at: sum(lacking[at, k] / max(shares[at, k], 1) for k in of_unit),
        )
        side[unit] = at
        for label in of_unit:
            lacking[at, label] -= 1
    single = units.members[units.starts[:-1][alone]]
    single = single[np.argsort(labels[single], kind="stable")]
    begin = 0
    for label, count in count_labels(items, single).items():
        indices = single[begin : begin + count]
        begin += count
        end = max(lacking[place, label], 0)
        side[indices[:end]] = place
        side[indices[end:]] = 0


def deal_folds(items: Sequence[Item], pool: Indices, count: int, seed: int) -> list[Indices]:
    """The indices of ``pool`` dealt out to ``count`` parts, each sorted, stratified.

    The same picture and the same group never come in two parts. Where there are fewer that can be
    parted than parts, there are fewer parts.
    """
    units = list(units_of(items, pool))
    labels_by_item = labels_of(items)
    count = min(count, len(units))
    side = np.full(len(items), -1, dtype=np.int64)
    held = [Counter[int]() for _ in range(count)]
    order = np.random.default_rng([seed, count, 15]).permutation(len(units)).tolist()
    # Large units first: the small ones then even out what they leave.
    for unit in sorted((units[n] for n in order), key=len, reverse=True):
        labels = Counter(labels_by_item[unit].tolist())
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
