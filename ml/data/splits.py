"""Which pictures train, which validate, which test.

70/15/15 and stratified. The test set is decided once, by the pictures themselves; a seed moves only
training and validation. What the source decided stays as it is. Items that show the same picture,
or belong to one group, never come on two sides.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ml.data.store import SPLITS, DatasetVersion, Item
from ml.errors import BadInputError

VAL_SHARE = TEST_SHARE = 0.15
MOST_VAL = 5000
"""Validation split off a large training part is no larger than this: it would be no surer a
figure, and cost training pictures."""

Indices = npt.NDArray[np.int64]


def split_indices(version: DatasetVersion, seed: int) -> dict[str, Indices]:
    """The item indices of ``train``, ``val`` and ``test``, each sorted int64.

    - No split given: 15 % test, the same whatever the seed (see ``pin_test``).
    - A test list given: it is the test; of the others 15 of 85 validate.
    - ``train`` and ``test`` given: 15 % of ``train``, at most ``MOST_VAL``, validate.
    - ``train`` and ``val`` given: ``val`` is the test, 15 % of ``train`` validate.
    - All three given: as given; what is added without one is dealt to training and validation.

    A picture that the source has in two splits counts in the later one alone (test before val
    before train), so that no score is flattered. What is excluded is in none.

    Raises:
        BadInputError: a side would be empty.
    """
    items = version.items
    if not in_test(items).any():
        items = pin_test(version.classes, items)
    side = _given_sides(items)
    pool = np.flatnonzero(side == -1)
    if len(pool):
        given = _given(items)
        share = VAL_SHARE if "train" in given else VAL_SHARE / (1 - TEST_SHARE)
        units = _units(items, pool)
        order = np.random.default_rng([seed, 70_15_15]).permutation(len(units))
        wanted = {
            label: _share(count, min(share, MOST_VAL / len(pool)), 1)
            for label, count in Counter(items[n].label for n in pool).items()
        }
        _deal(items, [units[n] for n in order], 1, wanted, side)
    found = {name: np.flatnonzero(side == n).astype(np.int64) for n, name in enumerate(SPLITS)}
    for name, indices in found.items():
        if not len(indices):
            raise BadInputError(
                f"{version.name} has too few pictures: none is left for {name}. Add some; about "
                "30 of each class make a start."
            )
    return found


def in_test(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """Whether each item is in the test set that is decided: all False where none is."""
    return np.array(_given_sides(items) == 2)


def settle(items: Sequence[Item]) -> tuple[Item, ...]:
    """The same items with what is meant said outright: one split for all decides nothing, and
    ``val`` beside ``train`` alone is the test."""
    given = _given(items)
    if len(given) == 1:
        return tuple(item._replace(split=None) for item in items)
    if given - {None} == {"train", "val"}:
        return tuple(i._replace(split="test") if i.split == "val" else i for i in items)
    return tuple(items)


def pin_test(
    classes: Sequence[str], items: Sequence[Item], seed: int = 0, *, earlier: Sequence[Item] = ()
) -> tuple[Item, ...]:
    """The items with the test set decided for good, where the source did not decide it.

    15 % of each class, by the hashes and ``seed``: the order of the items does not matter. A test
    set that is decided stays as it is.

    Args:
        earlier: the items of the version that these come from (added to, or brought in again). Its
            pictures stay on their side, new ones join the side of their group, and others the
            test until it has 15 % of their class.
    """
    if earlier:
        return _joined(settle(items), settle(pin_test(classes, earlier, seed)), seed)
    return tuple(items) if in_test(items).any() else _drawn(settle(items), seed)


def draw_test(items: Sequence[Item], seed: int) -> tuple[Item, ...]:
    """The items with a test set drawn anew, and nothing else decided."""
    return _drawn(tuple(item._replace(split=None) for item in items), seed)


def _drawn(items: tuple[Item, ...], seed: int) -> tuple[Item, ...]:
    """15 % of what is not decided yet becomes the test."""
    side = _given_sides(items)
    pool = np.flatnonzero(side == -1)
    wanted = {
        label: _share(count, TEST_SHARE, 2)
        for label, count in Counter(items[n].label for n in pool).items()
    }
    _deal(items, _ranked(items, _units(items, pool), seed), 2, wanted, side)
    chosen = [items[n] for n in np.flatnonzero(side == 2)]
    hashes, groups = {i.hash for i in chosen}, {i.group for i in chosen} - {None}
    # What is excluded goes along with its like, in case it is included again.
    return tuple(
        item._replace(split="test")
        if place == 2 or (item.excluded and (item.hash in hashes or item.group in groups))
        else item
        for item, place in zip(items, side, strict=True)
    )


def _joined(items: tuple[Item, ...], earlier: tuple[Item, ...], seed: int) -> tuple[Item, ...]:
    """The undecided of ``items`` decided as ``earlier`` has them; new ones join the test as far as
    it lacks pictures of their class."""
    by_hash: dict[str, str | None] = {}
    by_group: dict[str, str | None] = {}
    for item in earlier:
        by_hash[item.hash] = _later(by_hash.get(item.hash), item.split)
        if item.group is not None:
            by_group[item.group] = _later(by_group.get(item.group), item.split)
    rest = None if any(item.split is None for item in earlier) else "train"
    made = list(items)
    fresh = []
    for n, item in enumerate(items):
        if item.split is None and item.hash in by_hash:
            made[n] = item._replace(split=by_hash[item.hash])
        elif item.split is None:
            fresh.append(n)
    side = np.full(len(items), -2, dtype=np.int64)
    loose = []
    for unit in _units(items, np.array(fresh, dtype=np.int64)):
        of_groups = [by_group[g] for n in unit if (g := items[n].group) in by_group]
        if of_groups:
            side[unit] = 2 if "test" in of_groups else 0
        else:
            loose.append(unit)
    counting = [n for n, item in enumerate(made) if not item.excluded]
    total = Counter(made[n].label for n in counting)
    held = Counter(made[n].label for n in counting if made[n].split == "test" or side[n] == 2)
    wanted = {k: _share(count, TEST_SHARE, 2) - held[k] for k, count in total.items()}
    _deal(items, _ranked(items, loose, seed), 2, wanted, side)
    for n in fresh:
        made[n] = made[n]._replace(split="test" if side[n] == 2 else rest)
    return tuple(made)


def _later(one: str | None, other: str | None) -> str | None:
    """Test before val before train before none."""
    return max(one, other, key=lambda split: SPLITS.index(split) if split else -1)


def _ranked(items: Sequence[Item], units: list[list[int]], seed: int) -> list[list[int]]:
    """The units in an order that the pictures and the seed decide."""

    def rank(unit: list[int]) -> str:
        names = (f"{seed} {items[n].hash}".encode() for n in unit)
        return min(hashlib.sha256(name).hexdigest() for name in names)

    return sorted(units, key=rank)


def deal_folds(items: Sequence[Item], pool: Indices, count: int, seed: int) -> list[Indices]:
    """The indices of ``pool`` dealt out to ``count`` parts, each sorted, stratified.

    The same picture and the same group never come in two parts. Where there are fewer that can be
    parted than parts, there are fewer parts.
    """
    units = _units(items, pool)
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


def _given(items: Sequence[Item]) -> set[str | None]:
    return {item.split for item in items if not item.excluded}


def _given_sides(items: Sequence[Item]) -> Indices:
    """0, 1, 2 for an item whose side is decided, -1 for one that is still to be dealt, -2 for one
    that is left out, excluded or because a later side has the same picture."""
    given = _given(items)
    named = given - {None}
    place: dict[str | None, int]
    if len(given) < 2 or named == {"train"}:  # one split alone is none
        place = dict.fromkeys((None, *SPLITS), -1)
    elif named == {"train", "val"}:
        place = {"train": -1, "val": 2, None: -1}
    else:
        place = {"train": 0 if "val" in named else -1, "val": 1, "test": 2, None: -1}
    side = np.array([-2 if i.excluded else place[i.split] for i in items], dtype=np.int64)
    last: dict[str, int] = defaultdict(lambda: -2)
    for item, place_of in zip(items, side.tolist(), strict=True):
        last[item.hash] = max(last[item.hash], place_of)
    flattering = [place_of < last[item.hash] for item, place_of in zip(items, side, strict=True)]
    side[np.array(flattering, dtype=bool)] = -2
    return side


def _units(items: Sequence[Item], pool: Indices) -> list[list[int]]:
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


def _deal(
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


def _share(count: int, share: float, sides: int) -> int:
    """How many of ``count`` pictures make a share: at least one where training keeps one too."""
    return max(round(count * share), 1 if count > sides else 0)
