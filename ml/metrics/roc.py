"""How well one class is told from all others at every threshold: ROC and precision-recall.

Pure functions of arrays, with numpy alone. ``scores`` (n,) are the probabilities of the class,
``positive`` (n,) says which pictures are of it. A picture is *called* the class at a threshold
where its score is no less.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.metrics.classification import Z95, Floats, Ints
from ml.metrics.design_effect import variance_inflation

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Curve:
    """What each distinct score gives as a threshold, the highest first.

    ``levels`` are the scores, ``called`` and ``hits`` counts of pictures called the class, and of
    those rightly; ``positives`` and ``negatives`` are how many there are of it and of the others.
    ``ranked_positive`` (n,) says which pictures are of it, the highest score first, and
    ``ranked_groups`` (n,) which group each is of; None where each is its own.
    """

    levels: Floats
    called: Ints
    hits: Ints
    positives: int
    negatives: int
    ranked_positive: Flags
    ranked_groups: Ints | None = None

    @property
    def precision(self) -> Floats:
        """The share of the called that are of the class."""
        return np.asarray(self.hits / self.called)

    @property
    def recall(self) -> Floats:
        """The share of the class that is called; not a number where there is none of it."""
        return _over(self.hits, self.positives)

    @property
    def false_alarms(self) -> Floats:
        """The share of the others that is called; not a number where there are none."""
        return _over(self.called - self.hits, self.negatives)


def curve(scores: Floats, positive: Flags, groups: Ints | None = None) -> Curve:
    """The curve of one class against the rest; ``groups`` (n,) are group numbers of pictures."""
    order = np.argsort(-scores, kind="stable")
    ranked, right = scores[order], positive[order]
    # Pictures of the same score are called together: only the last of them ends a group.
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True)[: len(ranked)])
    hits = np.cumsum(right)[last].astype(np.int64)
    positives = int(positive.sum())
    levels, called = np.asarray(ranked[last]), (last + 1).astype(np.int64)
    return Curve(
        levels,
        called,
        hits,
        positives,
        len(right) - positives,
        np.asarray(right, bool),
        None if groups is None else groups[order],
    )


def roc_auc(curve: Curve) -> float | None:
    """The area under the ROC curve: how often a picture of the class scores above another.

    None where there are no pictures of the class, or no others.
    """
    if not curve.positives or not curve.negatives:
        return None
    across = np.append(0.0, curve.false_alarms)
    up = np.append(0.0, curve.recall)
    return float(np.sum(np.diff(across) * (up[1:] + up[:-1]) / 2))


def curve_interval(curve: Curve) -> tuple[float, float]:
    """The 95 % interval of the area under the ROC curve, by the groups of its pictures."""
    inflation = _roc_auc_inflation(curve)
    if np.isinf(inflation):
        return 0.0, 1.0
    return roc_auc_interval(
        roc_auc(curve) or 0.0, curve.positives / inflation, curve.negatives / inflation
    )


def _roc_auc_inflation(curve: Curve) -> float:
    """The inflation (``ml.metrics.design_effect``) of the variance of the area, from the structural
    components of DeLong summed by group (Obuchowski 1997, "Nonparametric analysis of clustered ROC
    curve data")."""
    area = roc_auc(curve)
    if curve.ranked_groups is None or area is None:
        return 1.0
    level = np.repeat(np.arange(len(curve.called)), np.diff(curve.called, prepend=0))

    def share_above(counts: Ints, total: int) -> Floats:
        """The share of ``total`` that scores above each level, those on it counted half."""
        return np.asarray((np.append(0, counts[:-1]) + counts) / 2 / total)

    of_class = 1 - share_above(curve.called - curve.hits, curve.negatives)[level] - area
    of_others = share_above(curve.hits, curve.positives)[level] - area
    weights = np.where(curve.ranked_positive, 1 / curve.positives, 1 / curve.negatives)
    return variance_inflation(
        np.where(curve.ranked_positive, of_class, of_others) * weights,
        curve.ranked_groups,
        events=(1 - area) * min(curve.positives, curve.negatives),
        weights=weights,
    )


def roc_auc_interval(area: float, positives: float, negatives: float) -> tuple[float, float]:
    """The 95 % interval of an area under the ROC curve, which is wide where pictures are few.

    It is Newcombe's method 5 (2006, "Confidence intervals for an effect size measure based on the
    Mann-Whitney statistic. Part 2", https://doi.org/10.1002/sim.2324): as Wilson's, it asks of
    which true areas the found one would be no surprise, so an area of 1 is not called certain.

    >>> [round(end, 2) for end in roc_auc_interval(1.0, 3, 3)]
    [0.44, 1.0]
    """

    def surprising(true: float) -> bool:
        share = (positives + negatives) / 2 - 1
        spread = 1 + share * ((1 - true) / (2 - true) + true / (1 + true))
        variance = true * (1 - true) * spread / (positives * negatives)
        return bool((area - true) ** 2 > Z95**2 * variance)

    def end(outside: float) -> float:
        inside = area
        if not surprising(outside):
            return outside
        for _ in range(50):
            middle = (inside + outside) / 2
            inside, outside = (inside, middle) if surprising(middle) else (middle, outside)
        return inside

    return end(0.0), end(1.0)


def average_precision(curve: Curve) -> float | None:
    """The area under the precision-recall curve, by steps and not by straight lines, which would
    promise too much (Davis and Goadrich 2006). None where there are no pictures of the class.
    """
    if not curve.positives:
        return None
    return float(np.sum(np.diff(np.append(0.0, curve.recall)) * curve.precision))


def brier(probabilities: Floats, labels: Ints) -> float:
    """The mean squared distance from the truth, summed over classes (Brier 1950): 0 to 2."""
    if not len(labels):
        return 0.0
    truth = np.eye(probabilities.shape[1])[labels]
    return float(np.mean(np.sum((probabilities - truth) ** 2, axis=1)))


def _over(counts: NDArray[Any], total: int) -> Floats:
    return np.asarray(counts / total) if total else np.full(len(counts), np.nan)
