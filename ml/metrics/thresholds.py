"""What a threshold does for one class: how many pictures it calls rightly, wrongly, or misses.

Pure functions of a ``ml.metrics.roc.Curve``, with numpy alone. A picture is called the class when
its probability of it is no less than the threshold, whatever the other classes get.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.metrics.calibration import ENOUGH, TARGET
from ml.metrics.classification import Floats, Ints, wilson
from ml.metrics.roc import Curve, average_precision, roc_auc, roc_auc_interval

GRID = np.arange(1001) / 1000
"""Thresholds are read off in steps of a tenth of a percent, as a slider has them."""
LEAST = 10
"""With fewer pictures of a class, or of all others, its curves show nothing."""


@dataclass(frozen=True)
class Called:
    """What a threshold (0 to 1) does: ``called`` pictures, ``hits`` of them rightly, of
    ``positives`` of the class and ``negatives`` of others."""

    threshold: float
    called: int
    hits: int
    positives: int
    negatives: int

    @property
    def false_alarms(self) -> int:
        """Pictures of other classes that are called this one."""
        return self.called - self.hits

    @property
    def missed(self) -> int:
        """Pictures of the class that are not called it."""
        return self.positives - self.hits

    @property
    def precision(self) -> float | None:
        """The share of the called that are of the class; None where nothing is called."""
        return self.hits / self.called if self.called else None

    @property
    def recall(self) -> float | None:
        """The share of the class that is called; None where there is none of it."""
        return self.hits / self.positives if self.positives else None


def call(found: Curve, threshold: float) -> Called:
    """What ``threshold`` does."""
    called, hits = _counts(found, np.array([threshold]))
    return Called(threshold, int(called[0]), int(hits[0]), found.positives, found.negatives)


def for_precision(found: Curve, target: float = TARGET) -> Called | None:
    """The lowest threshold at which a share of ``target`` of the called are of the class.

    It is counted on no fewer than ``ENOUGH`` called pictures: on fewer a share like that shows
    nothing. None where there is no such threshold.
    """
    called, hits = _counts(found, GRID)
    fits = np.flatnonzero((called >= ENOUGH) & (hits >= target * called - 1e-9))
    return call(found, float(GRID[fits[0]])) if len(fits) else None


def for_recall(found: Curve, target: float = TARGET) -> Called | None:
    """The highest threshold at which a share of ``target`` of the class is still called.

    None where the class has fewer than ``ENOUGH`` pictures.
    """
    if found.positives < ENOUGH:
        return None
    _, hits = _counts(found, GRID)
    fits = np.flatnonzero(hits >= target * found.positives - 1e-9)
    return call(found, float(GRID[fits[-1]]))


def _counts(found: Curve, thresholds: Floats) -> tuple[Ints, Ints]:
    """How many pictures each threshold calls, and how many of them rightly."""
    kept = np.searchsorted(-found.levels, -thresholds, side="right")
    return np.append(0, found.called)[kept], np.append(0, found.hits)[kept]


def told(found: Curve) -> bool:
    """Whether there are pictures enough for the curves to show something."""
    return min(found.positives, found.negatives) >= LEAST


def summary(name: str, found: Curve) -> dict[str, Any]:
    """For the command line: ``class``, ``pictures`` of it, ``others``, and, where the curves show
    something, ``roc_auc`` with ``roc_auc_interval``, ``average_precision``, and what the thresholds
    ``for_precision`` and ``for_recall`` do (each None where there is none)."""
    about = {"class": name, "pictures": found.positives, "others": found.negatives}
    if not told(found):
        return about
    area = roc_auc(found)
    assert area is not None
    about |= {
        "roc_auc": area,
        "roc_auc_interval": list(roc_auc_interval(area, found.positives, found.negatives)),
        "average_precision": average_precision(found),
    }
    for key, one in (
        ("for_precision", for_precision(found)),
        ("for_recall", for_recall(found)),
    ):
        about[key] = one and as_json(one)
    return about


def as_json(one: Called) -> dict[str, Any]:
    """What a threshold does, with 95 % intervals by Wilson."""
    precision, recall = one.precision, one.recall
    return {
        "threshold": one.threshold,
        "called": one.called,
        "hits": one.hits,
        "false_alarms": one.false_alarms,
        "missed": one.missed,
        "precision": precision,
        "precision_interval": None if precision is None else list(wilson(precision, one.called)),
        "recall": recall,
        "recall_interval": None if recall is None else list(wilson(recall, one.positives)),
    }
