"""Stratified group split: each side gets its share of every class, and no group is torn."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ml.data.splits.groups import SplitGroups, split_groups
from ml.data.store.item import Item
from ml.data.store.item_arrays import Indices, labels_of


def count_labels(items: Sequence[Item], pool: Indices) -> dict[int, int]:
    """{label: how many items of ``pool`` have it}, without labels that none has."""
    counts = np.bincount(labels_of(items)[pool]).tolist()
    return {label: count for label, count in enumerate(counts) if count}


def assign_groups(
    items: Sequence[Item],
    groups: SplitGroups,
    target_side: int,
    target_counts: Mapping[int, int],
    side: Indices,
) -> None:
    """Assign ``groups`` to ``target_side`` or to training, by writing into ``side``.

    A group of several pictures goes to the side whose counts of its classes are furthest from the
    target, so that large groups are shared in proportion. Single pictures then fill the target side
    up.

    Args:
        target_side: an index of ``SPLITS``.
        target_counts: {label: how many pictures the target side shall have}.
        side: int64 (items,), the side of each item.
    """
    labels = labels_of(items)
    total = count_labels(items, groups.members)
    shares = {(target_side, label): max(target_counts[label], 0) for label in total}
    shares |= {(0, label): total[label] - shares[target_side, label] for label in total}
    lacking = dict(shares)
    is_single = groups.sizes == 1
    for group in groups.take(np.flatnonzero(~is_single)):
        group_labels = sorted(labels[group].tolist())
        best_side = max(
            (0, target_side),
            key=lambda best_side: sum(
                lacking[best_side, k] / max(shares[best_side, k], 1) for k in group_labels
            ),
        )
        side[group] = best_side
        for label in group_labels:
            lacking[best_side, label] -= 1
    single = groups.members[groups.starts[:-1][is_single]]
    single = single[np.argsort(labels[single], kind="stable")]
    start = 0
    for label, count in count_labels(items, single).items():
        indices = single[start : start + count]
        start += count
        end = max(lacking[target_side, label], 0)
        side[indices[:end]] = target_side
        side[indices[end:]] = 0


def stratified_group_folds(
    items: Sequence[Item], pool: Indices, count: int, seed: int
) -> list[Indices]:
    """``count`` folds of the item indices ``pool``, stratified: int64 (n,) each, sorted.

    No picture and no group is in two folds. With fewer groups than ``count``, there are as many
    folds as groups.
    """
    groups = list(split_groups(items, pool))
    labels_by_item = labels_of(items)
    count = min(count, len(groups))
    side = np.full(len(items), -1, dtype=np.int64)
    fold_counts = [Counter[int]() for _ in range(count)]
    order = np.random.default_rng([seed, count, 15]).permutation(len(groups)).tolist()
    # Large groups first: the small ones then even out the folds.
    for group in sorted((groups[n] for n in order), key=len, reverse=True):
        label_counts = Counter(labels_by_item[group].tolist())
        smallest_fold = min(
            range(count),
            key=lambda n: (
                sum(fold_counts[n][k] * size for k, size in label_counts.items()),
                fold_counts[n].total(),
            ),
        )
        side[group] = smallest_fold
        fold_counts[smallest_fold] += label_counts
    return [np.flatnonzero(side == n).astype(np.int64) for n in range(count)]


def target_count(count: int, share: float, other_sides: int) -> int:
    """How many of ``count`` pictures make ``share`` (0 to 1), at least one of more than
    ``other_sides``."""
    return max(round(count * share), 1 if count > other_sides else 0)
