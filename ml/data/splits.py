"""Which pictures train, which validate, which test.

70/15/15 and stratified, by a seed of its own. What the source decided stays as it is. Items that
show the same picture, or belong to one group, never come on two sides.
"""

from collections import Counter, defaultdict

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

    - No split given: 70/15/15.
    - A test list given: it is the test; of the others 15 of 85 validate.
    - ``train`` and ``test`` given: 15 % of ``train``, at most ``MOST_VAL``, validate.
    - ``train`` and ``val`` given: ``val`` is the test, 15 % of ``train`` validate.
    - All three given: as given.

    A picture that the source has in two splits counts in the later one alone (test before val
    before train), so that no score is flattered.

    Raises:
        BadInputError: a side would be empty.
    """
    given = {item.split for item in version.items}
    side = _given_sides(version.items, given)
    pool = np.flatnonzero(side == -1)
    if len(pool):
        units = _units(version.items, pool)
        if (side == 2).any():  # the test is decided
            share = VAL_SHARE if "train" in given else VAL_SHARE / (1 - TEST_SHARE)
            shares = {1: min(share, MOST_VAL / len(pool))}
        else:
            shares = {1: VAL_SHARE, 2: TEST_SHARE}
        _deal(version, units, shares, side, np.random.default_rng([seed, 70_15_15]))
    found = {name: np.flatnonzero(side == n).astype(np.int64) for n, name in enumerate(SPLITS)}
    for name, indices in found.items():
        if not len(indices):
            raise BadInputError(
                f"{version.name} has too few pictures: none is left for {name}. Add some; about "
                "30 of each class make a start."
            )
    return found


def _given_sides(items: tuple[Item, ...], given: set[str | None]) -> Indices:
    """0, 1, 2 for an item whose side is decided, -1 for one that is still to be dealt, -2 for one
    that is left out because a later side has the same picture."""
    if given == {"train", "val"}:
        place = {"train": -1, "val": 2, None: -1}
    elif given >= {"train", "val", "test"}:
        place = {"train": 0, "val": 1, "test": 2, None: 0}
    elif "test" in given and len(given) > 1:
        place = {"train": -1, "val": 1, "test": 2, None: -1}
    else:  # one split alone is none
        place = dict.fromkeys((None, *SPLITS), -1)
    side = np.array([place[item.split] for item in items], dtype=np.int64)
    last: dict[str, int] = defaultdict(lambda: -1)
    for item, place_of in zip(items, side.tolist(), strict=True):
        last[item.hash] = max(last[item.hash], place_of)
    flattering = [place_of < last[item.hash] for item, place_of in zip(items, side, strict=True)]
    side[np.array(flattering, dtype=bool)] = -2
    return side


def _units(items: tuple[Item, ...], pool: Indices) -> list[list[int]]:
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
    version: DatasetVersion,
    units: list[list[int]],
    shares: dict[int, float],
    side: Indices,
    rng: np.random.Generator,
) -> None:
    """Deal ``units`` out to the sides of ``shares`` and the rest to training, class by class.

    A unit of several pictures goes where its classes are furthest from their share, so that such
    units are dealt in proportion; single pictures then fill each side up to its share of a class.
    """
    labels = version.labels.tolist()
    total = Counter(labels[n] for unit in units for n in unit)
    wanted = {
        (place, label): _share(count, share, len(shares))
        for place, share in shares.items()
        for label, count in total.items()
    }
    for label, count in total.items():
        wanted[0, label] = count - sum(wanted[place, label] for place in shares)
    lacking = dict(wanted)
    single: dict[int, list[int]] = defaultdict(list)
    for unit in (units[n] for n in rng.permutation(len(units))):
        if len(unit) == 1:
            single[labels[unit[0]]].append(unit[0])
            continue
        of_unit = [labels[n] for n in unit]
        place = max(
            (0, *shares),
            key=lambda at: sum(lacking[at, k] / max(wanted[at, k], 1) for k in of_unit),
        )
        side[unit] = place
        for label in of_unit:
            lacking[place, label] -= 1
    for label, indices in single.items():
        start = 0
        for place in shares:
            end = start + max(lacking[place, label], 0)
            side[indices[start:end]] = place
            start = end
        side[indices[start:]] = 0


def _share(count: int, share: float, sides: int) -> int:
    """How many of ``count`` pictures make a share: at least one where training keeps one too."""
    return max(round(count * share), 1 if count > sides else 0)
