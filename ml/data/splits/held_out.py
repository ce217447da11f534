"""The test set: decided once, by the pictures themselves, and kept through what is added later."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ml.data.splits.groups import ranked, units_of
from ml.data.splits.stratified import count_labels, deal, share_of
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
    """Whether each item is in the test set that is decided: all False where none is."""
    return np.array(given_sides(items) == 2)


def settle(items: Sequence[Item]) -> Sequence[Item]:
    """The same items with what is meant said outright: one split for all decides nothing, and
    ``val`` beside ``train`` alone is the test."""
    given, splits = given_splits(items), splits_of(items)
    if len(given) == 1:
        return with_splits(items, np.full_like(splits, -1))
    if given - {None} == {"train", "val"}:
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
    """The items with the test set decided for good, where the source did not decide it.

    15 % of each class, by the hashes and ``seed``: the order of the items does not matter. A test
    set that is decided stays as it is.

    Args:
        earlier: the items of the version that these come from (added to, or brought in again). Its
            pictures stay on their side, new ones join the side of their group, and others the
            test until it has 15 % of their class.
        grow: where not, no new picture joins the test but with its group.
    """
    if earlier:
        return _joined(settle(items), settle(pin_test(classes, earlier, seed)), seed, grow)
    return items if in_test(items).any() else _drawn(settle(items), seed)


def draw_test(items: Sequence[Item], seed: int) -> Sequence[Item]:
    """The items with a test set drawn anew, and nothing else decided."""
    return _drawn(with_splits(items, np.full(len(items), -1, np.int8)), seed)


def given_splits(items: Sequence[Item]) -> set[str | None]:
    """The splits that are decided for some item that counts, None among them where one is not."""
    names = (*SPLITS, None)  # -1 is the last
    return {names[n] for n in np.unique(splits_of(items)[~excluded_of(items)]).tolist()}


def given_sides(items: Sequence[Item]) -> Indices:
    """0, 1, 2 for an item whose side is decided, -1 for one that is still to be dealt, -2 for one
    that is left out, excluded or because a later side has the same picture."""
    given = given_splits(items)
    named = given - {None}
    if len(given) < 2 or named == {"train"}:  # one split alone is none
        place = [-1, -1, -1, -1]
    elif named == {"train", "val"}:
        place = [-1, 2, -1, -1]
    else:
        place = [0 if "val" in named else -1, 1, 2, -1]
    side = np.array(place, dtype=np.int64)[splits_of(items)]
    side[excluded_of(items)] = -2
    if len(np.unique(side)) > 1:
        pictures = pictures_of(items)
        last = np.full(len(items), -2, np.int64)
        np.maximum.at(last, pictures, side)
        side[side < last[pictures]] = -2
    return side


def _drawn(items: Sequence[Item], seed: int) -> Sequence[Item]:
    """15 % of what is not decided yet becomes the test."""
    side = given_sides(items)
    pool = np.flatnonzero(side == -1)
    wanted = {
        label: share_of(count, TEST_SHARE, 2) for label, count in count_labels(items, pool).items()
    }
    deal(items, ranked(items, units_of(items, pool), seed), 2, wanted, side)
    chosen = side == 2
    # What is excluded goes along with its like, in case it is included again.
    if (excluded := excluded_of(items)).any():
        pictures, groups = pictures_of(items), groups_of(items)
        alike = np.isin(pictures, pictures[chosen])
        if groups is not None:
            alike |= np.isin(groups, groups[chosen & (groups >= 0)])
        chosen |= excluded & alike
    return with_splits(items, np.where(chosen, TEST, splits_of(items)))


def _joined(
    items: Sequence[Item], earlier: Sequence[Item], seed: int, grow: bool
) -> tuple[Item, ...]:
    """The undecided of ``items`` decided as ``earlier`` has them; new ones join the test as far as
    it lacks pictures of their class."""
    by_hash: dict[str, str | None] = {}
    by_group: dict[str, str | None] = {}
    for item in earlier:
        by_hash[item.hash] = _later(by_hash.get(item.hash), item.split)
        if item.group is not None:
            by_group[item.group] = _later(by_group.get(item.group), item.split)
    # Beside train and test alone None would mean another thing: validation comes off train there.
    rest = "train" if {item.split for item in earlier} == {"train", "test"} else None
    made = list(items)
    fresh = []
    for n, item in enumerate(items):
        if item.split is None and item.hash in by_hash:
            made[n] = item._replace(split=by_hash[item.hash])
        elif item.split is None:
            fresh.append(n)
    side = np.full(len(items), -2, dtype=np.int64)
    loose = []
    units = units_of(items, np.array(fresh, dtype=np.int64))
    for number, unit in enumerate(units):
        of_groups = [by_group[g] for n in unit if (g := items[n].group) in by_group]
        if of_groups:
            side[unit] = 2 if "test" in of_groups else 0
        else:
            loose.append(number)
    counting = [n for n, item in enumerate(made) if not item.excluded]
    total = Counter(made[n].label for n in counting)
    held = Counter(made[n].label for n in counting if made[n].split == "test" or side[n] == 2)
    wanted = {k: share_of(count, TEST_SHARE, 2) - held[k] for k, count in total.items()}
    if grow:
        free = units.take(np.array(loose, dtype=np.int64))
        deal(items, ranked(items, free, seed), 2, wanted, side)
    for n in fresh:
        made[n] = made[n]._replace(split="test" if side[n] == 2 else rest)
    return tuple(made)


def _later(one: str | None, other: str | None) -> str | None:
    """Test before val before train before none."""
    return max(one, other, key=lambda split: SPLITS.index(split) if split else -1)
