"""Instant mode: what a change of the pictures does to a model, told in the time of a breath.

A head on kept features of the bundled network is fitted anew after each change, five times over:
each picture is guessed by a head that has not seen it, nor a copy of it or another of its group.
The test pictures take no part. Light: no torch.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.splits.groups import units_of
from ml.data.splits.splits import split_indices
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.features import logistic_regression
from ml.metrics.classification import wilson

FOLDS = 5
MOST = 4000
"""Pictures that are looked at; of more, these few by their hash, the same after each change."""
MOST_TOLD = 60
"""Changed guesses that are told one by one."""


@dataclass(frozen=True)
class Guesses:
    """What heads make of pictures that they have not seen: class names by picture hash."""

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
    if len(pool) > MOST:
        order = np.argsort([version.items[n].hash for n in pool])
        pool = np.sort(pool[order[:MOST]])
    return pool


def guess(version: DatasetVersion, features: npt.NDArray[np.float32]) -> Guesses:
    """Fit and guess. ``features`` (pool, F) are those of ``pool_of(version)``, in its order."""
    pool = pool_of(version)
    labels = version.labels[pool]
    place = {n: row for row, n in enumerate(pool.tolist())}
    fold = np.zeros(len(pool), np.int64)
    for unit in units_of(version.items, pool):
        # By the pictures alone: what happens to others moves no picture to another fold.
        number = int(min(version.items[n].hash for n in unit)[:8], 16) % FOLDS
        fold[[place[n] for n in unit]] = number
    guessed = labels.copy()
    for number in range(FOLDS):
        away = fold == number
        if away.any() and not away.all():
            head = logistic_regression.fit(features[~away], labels[~away], len(version.classes))
            guessed[away] = head.logits(features[away]).argmax(1)
        elif away.any():
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
    told: dict[str, Any] = {"version": now.version.version, "pictures": count, "low": low}
    told |= {"accuracy": now.accuracy, "high": high, "left_out": now.left_out}
    told |= {"before": None, "changed": [], "changed_count": 0}
    if before is not None and before.version.fingerprint != now.version.fingerprint:
        common = {one: label for one, label in now.labels.items() if one in before.guessed}
        renamed = _renamed(before, now)
        old = {one: renamed.get(name, name) for one, name in before.guessed.items()}
        if common:
            told["before"] = {
                "accuracy": before.accuracy,
                "common": len(common),
                "then": sum(old[one] == label for one, label in common.items()) / len(common),
                "now": now.share(common),
            }
        places = {item.hash: n for n, item in reversed(list(enumerate(now.version.items)))}
        moved = [one for one in common if old[one] != now.guessed[one]]
        told["changed_count"] = len(moved)
        told["changed"] = [
            {
                "item": places[one],
                "was": old[one],
                "now": now.guessed[one],
                "right": now.guessed[one] == now.labels[one],
            }
            for one in moved[:MOST_TOLD]
        ]
    return told | {"seconds": time.monotonic() - began}


def _renamed(before: Guesses, now: Guesses) -> dict[str, str]:
    """New names of classes that were renamed: those at whose place another name stands."""
    old, new = before.version.classes, now.version.classes
    if len(old) != len(new):
        return {}
    pairs = zip(old, new, strict=True)
    return {one: other for one, other in pairs if one not in new and other not in old}
