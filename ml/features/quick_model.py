"""The quick model of instant mode: cross-validated guesses within a second of each change.

After each change of a data set, five heads are fitted on stored features of the bundled backbone.
Each picture is guessed by a head that saw neither it, nor a copy of it, nor one of its group. The
test pictures take no part. Light: no torch.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.splits.groups import split_groups
from ml.data.splits.splits import split_indices
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.features import logistic_regression
from ml.metrics.classification import wilson

FOLDS = 5
MAX_PICTURES = 4000
"""Pictures that take part; of more, those with the lowest hashes, the same after each change."""
MAX_CHANGES_LISTED = 60
"""Changed guesses that are listed one by one."""


@dataclass(frozen=True)
class Guesses:
    """Guesses of heads for pictures that they have not seen: class names by picture hash."""

    version: DatasetVersion
    labels: Mapping[str, str]
    guessed: Mapping[str, str]
    left_out: int

    @property
    def accuracy(self) -> float:
        """The share that is guessed as labelled."""
        return self.share(self.labels)

    def share(self, labels: Mapping[str, str]) -> float:
        """The share of the pictures in ``labels`` that is guessed as it says."""
        return sum(self.guessed[one] == label for one, label in labels.items()) / len(labels)


def pool_of(version: DatasetVersion) -> npt.NDArray[np.int64]:
    """The items that are looked at: training and validation pictures, none of the test.

    Raises:
        BadInputError: there are too few.
    """
    splits = split_indices(version, 0)
    pool = np.sort(np.concatenate([splits["train"], splits["val"]]))
    if len(set(version.labels[pool].tolist())) < 2:
        raise BadInputError("It takes pictures of two classes. Add some of another.")
    if len(pool) > MAX_PICTURES:
        order = np.argsort([version.items[n].hash for n in pool])
        pool = np.sort(pool[order[:MAX_PICTURES]])
    return pool


def guess(version: DatasetVersion, features: npt.NDArray[np.float32]) -> Guesses:
    """Fit and guess. ``features`` (pool, F) are those of ``pool_of(version)``, in its order."""
    pool = pool_of(version)
    labels = version.labels[pool]
    place = {n: row for row, n in enumerate(pool.tolist())}
    fold = np.zeros(len(pool), np.int64)
    for unit in split_groups(version.items, pool):
        # By the pictures alone: what happens to others moves no picture to another fold.
        number = int(min(version.items[n].hash for n in unit)[:8], 16) % FOLDS
        fold[[place[n] for n in unit]] = number
    guessed = labels.copy()
    for number in range(FOLDS):
        held_out = fold == number
        if held_out.any() and not held_out.all():
            head = logistic_regression.fit(
                features[~held_out], labels[~held_out], len(version.classes)
            )
            guessed[held_out] = head.logits(features[held_out]).argmax(1)
        elif held_out.any():
            raise BadInputError("There are too few pictures to guess one by the others. Add some.")
    hashes = [version.items[n].hash for n in pool]
    names = version.classes
    total = sum(not item.excluded for item in version.items)
    return Guesses(
        version,
        {one: names[label] for one, label in zip(hashes, labels, strict=True)},
        {one: names[label] for one, label in zip(hashes, guessed, strict=True)},
        total - len(pool),
    )


def compare(now: Guesses, before: Guesses | None, began: float) -> dict[str, Any]:
    """What a page shows: the score now, the score before, and which guesses changed.

    ``before`` is measured on the pictures that both know too, against the labels of now, since
    leaving out what is hard raises a score as well. ``began`` is a time of ``time.monotonic``.
    """
    count = len(now.labels)
    low, high = wilson(now.accuracy, count)
    comparison: dict[str, Any] = {"version": now.version.version, "pictures": count, "low": low}
    comparison |= {"accuracy": now.accuracy, "high": high, "left_out": now.left_out}
    comparison |= {"before": None, "changed": [], "changed_count": 0}
    if before is not None and before.version.fingerprint != now.version.fingerprint:
        common = {one: label for one, label in now.labels.items() if one in before.guessed}
        renamed = _renamed(before, now)
        old = {one: renamed.get(name, name) for one, name in before.guessed.items()}
        if common:
            comparison["before"] = {
                "accuracy": before.accuracy,
                "common": len(common),
                "then": sum(old[one] == label for one, label in common.items()) / len(common),
                "now": now.share(common),
            }
        places = {item.hash: n for n, item in reversed(list(enumerate(now.version.items)))}
        changed = [one for one in common if old[one] != now.guessed[one]]
        comparison["changed_count"] = len(changed)
        comparison["changed"] = [
            {
                "item": places[one],
                "was": old[one],
                "now": now.guessed[one],
                "right": now.guessed[one] == now.labels[one],
            }
            for one in changed[:MAX_CHANGES_LISTED]
        ]
    return comparison | {"seconds": time.monotonic() - began}


def _renamed(before: Guesses, now: Guesses) -> dict[str, str]:
    """New names of classes that were renamed: those at whose place another name stands."""
    old, new = before.version.classes, now.version.classes
    if len(old) != len(new):
        return {}
    pairs = zip(old, new, strict=True)
    return {one: other for one, other in pairs if one not in new and other not in old}
