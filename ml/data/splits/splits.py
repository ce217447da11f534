"""Which pictures train, which validate, which test.

70/15/15 and stratified. The test set is decided once, by the pictures themselves; a seed moves only
training and validation. What the source decided stays as it is. Items that show the same picture,
or belong to one group, never come on two sides.
"""

import numpy as np

from ml.data.splits.groups import units_of
from ml.data.splits.held_out import (
    TEST_SHARE,
    draw_test,
    given_sides,
    given_splits,
    in_test,
    pin_test,
    settle,
)
from ml.data.splits.stratified import count_labels, deal, deal_folds, share_of
from ml.data.store.item_arrays import Indices
from ml.data.store.versions import SPLITS, DatasetVersion
from ml.errors import BadInputError

__all__ = [
    "MOST_VAL", "TEST_SHARE", "VAL_SHARE", "deal_folds", "draw_test", "in_test", "pin_test",
    "settle", "split_indices",
]  # fmt: skip

VAL_SHARE = 0.15
MOST_VAL = 5000
"""Validation split off a large training part is no larger than this: it would be no surer a
figure, and cost training pictures."""


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
    side = given_sides(items)
    pool = np.flatnonzero(side == -1)
    if len(pool):
        given = given_splits(items)
        share = VAL_SHARE if "train" in given else VAL_SHARE / (1 - TEST_SHARE)
        units = units_of(items, pool)
        order = np.random.default_rng([seed, 70_15_15]).permutation(len(units))
        wanted = {
            label: share_of(count, min(share, MOST_VAL / len(pool)), 1)
            for label, count in count_labels(items, pool).items()
        }
        deal(items, units.take(order), 1, wanted, side)
    found = {name: np.flatnonzero(side == n).astype(np.int64) for n, name in enumerate(SPLITS)}
    for name, indices in found.items():
        if not len(indices):
            raise BadInputError(
                f"{version.name} has too few pictures: none is left for {name}. Add some; about "
                "30 of each class make a start."
            )
    return found
