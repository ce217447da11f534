"""The held-out test set: picture hashes decide it once, and added pictures do not move it."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from ml.data.splits.groups import ordered_by_hash, split_groups
from ml.data.splits.stratified import assign_groups, count_labels, target_count
from ml.data.store.item import SPLITS, Item
from ml.data.store.item_arrays import (
    Indices,
    excluded_of,
    groups_of,
    pictures_of,
    splits_of,
    with_splits,
)

TEST_SHARE = 0.15
VAL, TEST = np.int8(SPLITS.index("val")), np.int8(SPLITS.index("test"))


def in_test(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """Whether each item is in the decided test set: bool (items,), all False where none is
    decided."""
    return np.array(assigned_sides(items) == 2)


def normalised_splits(items: Sequence[Item]) -> Sequence[Item]:
    """The same items with explicit splits: one split for all becomes None, and ``val`` beside
    ``train`` alone becomes ``test``."""
    decided, splits = given_splits(items), splits_of(items)
    if len(decided) == 1:
        return with_splits(items, np.full_like(splits, -1))
    if decided - {None} == {"train", "val"}:
        return with_splits(items, np.where(splits == VAL, TEST, splits))
    return items


def pin_test(
    classes: Sequence[str],
    items: Sequence[Item],
    seed: int = 0,
    *,
    earlier: Sequence[Item] = (),
    grow: bool = True,
) -> Sequence[Item]:
    """The items with a decided test set: 15 % of each class, by the hashes and ``seed``.

    The order of the items does not matter. A test set that is decided already stays.

    Args:
        earlier: the items of the version that these come from (added to, or brought in again). Its
            pictures stay on their side, new ones join the side of their group, and others the
            test until it has 15 % of their class.
        grow: whether new pictures without a known group may join the test.
    """
    if earlier:
        pinned = normalised_splits(pin_test(classes, earlier, seed))
        return _with_earlier_splits(normalised_splits(items), pinned, seed, grow)
    return items if in_test(items).any() else _with_drawn_test(normalised_splits(items), seed)


def draw_test(items: Sequence[Item], seed: int) -> Sequence[Item]:
    """The items with a new test set; every other split becomes None."""
    return _with_drawn_test(with_splits(items, np.full(len(items), -1, np.int8)), seed)


def given_splits(items: Sequence[Item]) -> set[str | None]:
    """The splits of the items that are not excluded; None among them if any is undecided."""
    names = (*SPLITS, None)  # -1 is the last
    return {names[n] for n in np.unique(splits_of(items)[~excluded_of(items)]).tolist()}


def assigned_sides(items: Sequence[Item]) -> Indices:
    """The side of each item: int64 (items,).

    0, 1, 2 index ``SPLITS``; -1 is undecided; -2 is out, because the item is excluded or a later
    side has the same picture.
    """
    splits = given_splits(items)
    named_splits = splits - {None}
    if len(splits) < 2 or named_splits == {"train"}:  # one split alone is none
        side_by_split = [-1, -1, -1, -1]
    elif named_splits == {"train", "val"}:
        side_by_split = [-1, 2, -1, -1]
    else:
        side_by_split = [0 if "val" in named_splits else -1, 1, 2, -1]
    side = np.array(side_by_split, dtype=np.int64)[splits_of(items)]
    side[excluded_of(items)] = -2
    if len(np.unique(side)) > 1:
        pictures = pictures_of(items)
        last_side = np.full(len(items), -2, np.int64)
        np.maximum.at(last_side, pictures, side)
        side[side < last_side[pictures]] = -2
    return side


def _with_drawn_test(items: Sequence[Item], seed: int) -> Sequence[Item]:
    """The items with 15 % of the undecided ones in the test."""
    side = assigned_sides(items)
    pool = np.flatnonzero(side == -1)
    target_counts = {
        label: target_count(count, TEST_SHARE, 2)
        for label, count in count_labels(items, pool).items()
    }
    assign_groups(
        items, ordered_by_hash(items, split_groups(items, pool), seed), 2, target_counts, side
    )
    chosen = side == 2
    # Excluded items of test pictures and groups join the test, in case they are included again.
    if (excluded := excluded_of(items)).any():
        pictures, groups = pictures_of(items), groups_of(items)
        same_picture_or_group = np.isin(pictures, pictures[chosen])
        if groups is not None:
            same_picture_or_group |= np.isin(groups, groups[chosen & (groups >= 0)])
        chosen |= excluded & same_picture_or_group
    return with_splits(items, np.where(chosen, TEST, splits_of(items)))


def _splits_by_name(
    items: Iterable[Item],
) -> tuple[dict[str, str | None], dict[str, str | None]]:
    """The latest split of each picture, by its hash, and of each group, by its name."""
    by_hash: dict[str, str | None] = {}
    by_group: dict[str, str | None] = {}
    for item in items:
        by_hash[item.hash] = _later_split(by_hash.get(item.hash), item.split)
        if item.group is not None:
            by_group[item.group] = _later_split(by_group.get(item.group), item.split)
    return by_hash, by_group


class _EarlierSplits:
    """The splits of an earlier version, by picture and by group.

    An excluded item is in no split: its former split is a hint, which decides only for new items
    that no included item decides for.
    """

    def __init__(self, earlier: Sequence[Item]) -> None:
        self._by_hash, self._by_group = _splits_by_name(i for i in earlier if not i.excluded)
        self._hint_by_hash, self._hint_by_group = _splits_by_name(earlier)
        # Beside train and test alone, new items are train: validation is split off train.
        two_splits = {item.split for item in earlier} == {"train", "test"}
        self.default = "train" if two_splits else None

    def assign(self, items: Sequence[Item]) -> tuple[list[Item], list[int]]:
        """The items with the splits of their pictures, and the numbers of the new ones."""
        assigned, new_items = list(items), []
        for n, item in enumerate(items):
            if item.split is not None:
                continue
            hinted = item.excluded and item.hash not in self._by_hash
            splits = self._hint_by_hash if hinted else self._by_hash
            if item.hash in splits:
                split = splits[item.hash]
                assigned[n] = item._replace(split=split)
                if item.group is not None and not item.excluded:
                    self._by_group[item.group] = _later_split(self._by_group.get(item.group), split)
            elif item.excluded:
                split = self._hint_by_group.get(item.group or "", self.default)
                assigned[n] = item._replace(split=split)
            else:
                new_items.append(n)
        return assigned, new_items

    def side_of(self, group: Sequence[Item]) -> int | None:
        """The side of a group of new items, 2 (test) or 0; None where nothing decides it."""
        splits = [self._by_group[item.group] for item in group if item.group in self._by_group]
        splits = splits or [
            hints[name]
            for item in group
            for hints, name in ((self._hint_by_hash, item.hash), (self._hint_by_group, item.group))
            if name in hints
        ]
        if not splits:
            return None
        return 2 if "test" in splits else 0


def _with_earlier_splits(
    items: Sequence[Item], earlier: Sequence[Item], seed: int, grow: bool
) -> tuple[Item, ...]:
    """``items`` with the splits that ``earlier`` has for their pictures and groups; other new items
    fill the test up to its share of their class."""
    splits = _EarlierSplits(earlier)
    assigned, new_items = splits.assign(items)
    side = np.full(len(items), -2, dtype=np.int64)
    new_groups, undecided = split_groups(items, np.array(new_items, dtype=np.int64)), []
    for number, group in enumerate(new_groups):
        group_side = splits.side_of([items[n] for n in group])
        if group_side is None:
            undecided.append(number)
        else:
            side[group] = group_side
    if grow:
        free_groups = new_groups.take(np.array(undecided, dtype=np.int64))
        ordered = ordered_by_hash(items, free_groups, seed)
        assign_groups(items, ordered, 2, _free_test_places(assigned, side), side)
    for n in new_items:
        assigned[n] = assigned[n]._replace(split="test" if side[n] == 2 else splits.default)
    return tuple(assigned)


def _free_test_places(items: Sequence[Item], side: Indices) -> dict[int, int]:
    """By class, how many pictures its test lacks; ``side`` (items,) is 2 for those that join it."""
    included = [n for n, item in enumerate(items) if not item.excluded]
    class_counts = Counter(items[n].label for n in included)
    test_counts = Counter(
        items[n].label for n in included if items[n].split == "test" or side[n] == 2
    )
    return {
        label: target_count(count, TEST_SHARE, 2) - test_counts[label]
        for label, count in class_counts.items()
    }


def _later_split(one: str | None, other: str | None) -> str | None:
    """The later of two splits: test before val before train before None."""
    return max(one, other, key=lambda split: SPLITS.index(split) if split else -1)
