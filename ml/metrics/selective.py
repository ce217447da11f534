"""Selective classification: the threshold under which a guess is not sure, and what it promises.

The promise is an upper bound on the share of wrong answers among the sure ones. It is simultaneous
over all candidate thresholds, so that choosing among them costs nothing (Clopper and Pearson 1934,
https://doi.org/10.1093/biomet/26.4.404, with Bonferroni's correction; the approach of Geifman and
El-Yaniv 2017, "Selective Classification for Deep Neural Networks",
https://arxiv.org/abs/1705.08500). ``benchmarks.claims`` prints stated against actual. Numpy alone,
but for scipy where a threshold is chosen.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.metrics.calibration import (
    MIN_PICTURES_FOR_CALIBRATION,
    MIN_THRESHOLD,
    NEVER_SURE,
    is_sure,
)
from ml.metrics.classification import Floats, Ints

CONFIDENCE = 0.95
"""How often the bound of a model holds."""
SHARES = (1.0, 0.9, 0.8, 0.65, 0.5, 0.35)
"""The candidate thresholds: they call these shares of the pictures sure."""
GOAL = 0.10
"""Of the candidates whose bound is no higher, the one with most answers is taken."""
MAX_BOUND = 0.20
"""Where the lowest bound is higher, no guess is called sure."""
RULE = (
    "Of six thresholds, at least 0.5, that call 100 to 35 % of the pictures sure, the lowest at "
    "which at most 10 % of the sure answers are wrong, by an upper 95 % bound (Clopper-Pearson, "
    "Bonferroni). Where there is none, the one with the lowest bound; where that is above 20 %, 1: "
    "no guess is called sure."
)


@dataclass(frozen=True)
class SelectiveRule:
    """``threshold`` 0 to 1, and the ``bound`` on the share of wrong ones among sure answers; None
    where no guess is called sure."""

    threshold: float
    bound: float | None


def choose_threshold(probabilities: Floats, labels: Ints) -> SelectiveRule:
    """Choose the threshold by ``RULE``, on pictures that taught the model nothing.

    Args:
        probabilities: (N, K), of the model or of its out-of-fold fits.
        labels: (N,).
    """
    count = len(labels)
    if count < MIN_PICTURES_FOR_CALIBRATION:
        return SelectiveRule(MIN_THRESHOLD, None)  # a first guess, which promises nothing
    confidence = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != labels
    candidates, corrected = [], 1 - (1 - CONFIDENCE) / len(SHARES)
    for threshold in _candidates(confidence):
        sure = confidence >= threshold
        bound = upper_bound(int((wrong & sure).sum()), int(sure.sum()), corrected)
        candidates.append(SelectiveRule(threshold, bound))
    good = [one for one in candidates if one.bound is not None and one.bound <= GOAL]
    if good:
        return min(good, key=lambda one: one.threshold)
    best = min(candidates, key=lambda one: one.bound or 0.0, default=None)
    if best is None or best.bound is None or best.bound > MAX_BOUND:
        return SelectiveRule(NEVER_SURE, None)
    return best


def _candidates(confidence: Floats) -> list[float]:
    """Thresholds from low to high; they depend on no label."""
    ordered = np.sort(confidence)[::-1]
    places = [math.ceil(share * len(ordered)) - 1 for share in SHARES]
    return sorted({max(MIN_THRESHOLD, float(ordered[place])) for place in places} - {NEVER_SURE})


def upper_bound(wrong: int, count: int, confidence: float = CONFIDENCE) -> float:
    """The upper limit of a share of which ``wrong`` of ``count`` were seen, by Clopper and Pearson:
    0 to 1."""
    if wrong >= count:
        return 1.0
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    return float(betaincinv(wrong + 1, count - wrong, confidence))


def count(probabilities: Floats, labels: Ints, rule: SelectiveRule) -> dict[str, Any]:
    """For ``model.json``: of ``pictures`` that taught nothing ``answered`` got a sure answer, and
    ``right`` of these were right; ``bound`` as in ``SelectiveRule`` holds with ``confidence``.
    ``enough`` says whether there were pictures enough to choose a threshold."""
    answered = is_sure(probabilities.max(axis=1), rule.threshold)
    right = probabilities.argmax(axis=1) == labels
    return {
        "pictures": len(labels),
        "answered": int(np.sum(answered)),
        "right": int(np.sum(answered & right)),
        "bound": rule.bound,
        "confidence": CONFIDENCE,
        "enough": len(labels) >= MIN_PICTURES_FOR_CALIBRATION,
    }
