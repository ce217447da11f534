"""Train, validation and test split of a version: 70/15/15, stratified and grouped.

The picture hashes decide the test set, once; a seed moves only training and validation. A split
that the source decided stays. Items of the same picture or group never come on two sides.
"""

import numpy as np

from ml.data.splits.groups import split_groups
from ml.data.splits.held_out import (
    TEST_SHARE,
    assigned_sides,
    draw_test,
    given_splits,
    in_test,
    normalised_splits,
    pin_test,
)
from ml.data.splits.stratified import (
    assign_groups,
    count_labels,
    stratified_group_folds,
    target_count,
)
from ml.data.store.item_arrays import Indices
from ml.data.store.versions import SPLITS, DatasetVersion
from ml.errors import BadInputError

__all__ = [
    "MAX_VALIDATION_PICTURES",
    "TEST_SHARE",
    "VAL_SHARE",
    "draw_test",
    "in_test",
    "normalised_splits",
    "pin_test",
    "split_indices",
    "stratified_group_folds",
]  # fmt: skip

VAL_SHARE = 0.15
MAX_VALIDATION_PICTURES = 5000
"""At most so many pictures are split off for validation: more would hardly make the accuracy surer,
and cost training pictures."""


def split_indices(version: DatasetVersion, seed: int) -> dict[str, Indices]:
    """The item indices of ``train``, ``val`` and ``test``, each sorted int64.

    - No split given: 15 % test, the same whatever the seed (see ``pin_test``).
    - A test list given: it is the test; of the others 15 of 85 validate.
    - ``train`` and ``test`` given: 15 % of ``train``, at most ``MAX_VALIDATION_PICTURES``,
      validate.
    - ``train`` and ``val`` given: ``val`` is the test, 15 % of ``train`` validate.
    - All three given: as given; items added without a split go to training and validation.

    A picture that the source has in two splits counts in the later one alone (test before val
    before train), so that no score is flattered. Excluded items are in no split.

    Raises:
        BadInputError: a side would be empty.
    """
    items = version.items
    if not in_test(items).any():
        items = pin_test(version.classes, items)
    side = assigned_sides(items)
    pool = np.flatnonzero(side == -1)
    if len(pool):
        decided = given_splits(items)
        share = VAL_SHARE if "train" in decided else VAL_SHARE / (1 - TEST_SHARE)
        groups = split_groups(items, pool)
        order = np.random.default_rng([seed, 70_15_15]).permutation(len(groups))
        target_counts = {
            label: target_count(count, min(share, MAX_VALIDATION_PICTURES / len(pool)), 1)
            for label, count in count_labels(items, pool).items()
        }
        assign_groups(items, groups.take(order), 1, target_counts, side)
    splits = {name: np.flatnonzero(side == n).astype(np.int64) for n, name in enumerate(SPLITS)}
    for name, indices in splits.items():
        if not len(indices):
            raise BadInputError(
                f"{version.name} has too few pictures: none is left for {name}. Add some; about "
                "30 of each class make a start."
            )
    return splits
