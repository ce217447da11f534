"""What a threshold does for one class: how many pictures it calls rightly, wrongly, or misses.

Pure functions of a ``ml.metrics.roc.Curve``, with numpy alone. A picture is called the class when
its probability of it is no less than the threshold, whatever the other classes get.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.metrics.calibration import MIN_PICTURES_FOR_CALIBRATION, TARGET
from ml.metrics.classification import Floats, Interval, Ints, wilson
from ml.metrics.design_effect import share_inflation
from ml.metrics.roc import Curve, average_precision, curve_interval, roc_auc

GRID = np.arange(1001) / 1000
"""Thresholds are read off in steps of a tenth of a percent, as a slider has them."""
MIN_PICTURES_FOR_CURVE = 10
"""With fewer pictures of a class, or of all others, its curves show nothing."""


@dataclass(frozen=True)
class Called:
    """What a threshold (0 to 1) does: ``called`` pictures, ``hits`` of them rightly, of
    ``positives`` of the class and ``negatives`` of others. The inflations are of
    ``ml.metrics.design_effect``: 1 where each picture is its own group."""

    threshold: float
    called: int
    hits: int
    positives: int
    negatives: int
    precision_inflation: float = 1.0
    recall_inflation: float = 1.0

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

    @property
    def precision_interval(self) -> Interval | None:
        """The 95 % interval of the precision; None where nothing is called."""
        pictures = self.called / self.precision_inflation
        return None if self.precision is None else wilson(self.precision, pictures)

    @property
    def recall_interval(self) -> Interval | None:
        """The 95 % interval of the recall; None where there is none of the class."""
        pictures = self.positives / self.recall_inflation
        return None if self.recall is None else wilson(self.recall, pictures)


def call(curve: Curve, threshold: float) -> Called:
    """What ``threshold`` does."""
    counts, hit_counts = _counts(curve, np.array([threshold]))
    called, hits = int(counts[0]), int(hit_counts[0])
    groups, positive = curve.ranked_groups, curve.ranked_positive
    is_called = np.arange(len(positive)) < called
    return Called(
        threshold,
        called,
        hits,
        curve.positives,
        curve.negatives,
        share_inflation(positive[:called], None if groups is None else groups[:called]),
        share_inflation(is_called[positive], None if groups is None else groups[positive]),
    )


def for_precision(curve: Curve, target: float = TARGET) -> Called | None:
    """The lowest threshold at which a share of ``target`` of the called are of the class.

    At least ``MIN_PICTURES_FOR_CALIBRATION`` pictures are called at it: on fewer a share like that
    shows nothing. None where there is no such threshold.
    """
    called, hits = _counts(curve, GRID)
    fits = np.flatnonzero(
        (called >= MIN_PICTURES_FOR_CALIBRATION) & (hits >= target * called - 1e-9)
    )
    return call(curve, float(GRID[fits[0]])) if len(fits) else None


def for_recall(curve: Curve, target: float = TARGET) -> Called | None:
    """The highest threshold at which a share of ``target`` of the class is still called.

    None where the class has fewer than ``MIN_PICTURES_FOR_CALIBRATION`` pictures.
    """
    if curve.positives < MIN_PICTURES_FOR_CALIBRATION:
        return None
    _, hits = _counts(curve, GRID)
    fits = np.flatnonzero(hits >= target * curve.positives - 1e-9)
    return call(curve, float(GRID[fits[-1]]))


def _counts(curve: Curve, thresholds: Floats) -> tuple[Ints, Ints]:
    """How many pictures each threshold calls, and how many of them rightly."""
    places = np.searchsorted(-curve.levels, -thresholds, side="right")
    return np.append(0, curve.called)[places], np.append(0, curve.hits)[places]


def has_enough_pictures(curve: Curve) -> bool:
    """Whether there are pictures enough for the curves to show something."""
    return min(curve.positives, curve.negatives) >= MIN_PICTURES_FOR_CURVE


def summary(name: str, curve: Curve) -> dict[str, Any]:
    """For the command line: ``class``, ``pictures`` of it, ``others``, and, where the curves show
    something, ``roc_auc`` with ``roc_auc_interval``, ``average_precision``, and what the thresholds
    ``for_precision`` and ``for_recall`` do (each None where there is none)."""
    about = {"class": name, "pictures": curve.positives, "others": curve.negatives}
    if not has_enough_pictures(curve):
        return about
    area = roc_auc(curve)
    assert area is not None
    about |= {
        "roc_auc": area,
        "roc_auc_interval": list(curve_interval(curve)),
        "average_precision": average_precision(curve),
    }
    for key, one in (
        ("for_precision", for_precision(curve)),
        ("for_recall", for_recall(curve)),
    ):
        about[key] = one and as_json(one)
    return about


def as_json(one: Called) -> dict[str, Any]:
    """What a threshold does, with 95 % intervals by Wilson, by the groups of the pictures."""
    precision, recall = one.precision_interval, one.recall_interval
    return {
        "threshold": one.threshold,
        "called": one.called,
        "hits": one.hits,
        "false_alarms": one.false_alarms,
        "missed": one.missed,
        "precision": one.precision,
        "precision_interval": None if precision is None else list(precision),
        "recall": one.recall,
        "recall_interval": None if recall is None else list(recall),
    }
