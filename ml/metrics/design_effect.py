"""Design effect: how many times the variance of a figure grows where pictures come in groups.

Photographs of one person, one scene or one picture and its copies are not independent: fifteen
groups of ten tell less than 150 strangers. Kish (1965, "Survey Sampling") calls the growth of the
variance the design effect. Korn and Graubard (1998, "Confidence intervals for proportions with
small expected number of positive counts estimated from survey data", Survey Methodology 24)
divide the number of pictures by it, correct that for the degrees of freedom of few groups, and
enter the quotient into an interval for independent pictures. ``benchmarks/grouped_intervals.py``
counts how often the intervals hold the truth. All on arrays; ``groups`` (n,) are group numbers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ALPHA = 0.05
"""How often a 95 % interval may miss the truth."""


def quantile(alpha: float = ALPHA, degrees: float = np.inf) -> float:
    """How many standard errors an interval spans each way that may miss the truth with the chance
    ``alpha`` (0 to 1): by Student's t with ``degrees`` of freedom.

    >>> round(quantile(0.05), 2), round(quantile(0.05, 9), 2)
    (1.96, 2.26)
    """
    # Here, as only grouped pictures and repeated looks need it: the inference worker starts sooner.
    from scipy.special import ndtri, stdtrit  # type: ignore[import-untyped]

    tail = alpha / 2
    return -float(ndtri(tail) if np.isinf(degrees) else stdtrit(degrees, tail))


def variance_inflation(
    influence: NDArray[Any],
    groups: Ints | None,
    *,
    events: float,
    weights: Floats | None = None,
    alpha: float = ALPHA,
    is_score: bool = False,
) -> float:
    """By how much to divide a number of pictures, 1 or more, so that an interval for independent
    ones is right for these: the design effect, times the squared ratio of Student's and the normal
    quantile. Infinite where all are of one group; 1 where ``groups`` is None.

    Args:
        influence: (n,) what each picture adds to the figure, less its mean, such as ``right -
            accuracy`` (linearisation, Binder 1983).
        events: how many pictures differ from the rest, such as the mistakes. The fewer there are,
            the less tells whether they come together: the estimate is pulled towards full
            correlation with the weight of one event.
        weights: (n,) how much each picture counts, where not all count the same.
        is_score: whether ``influence`` is the score of a test, under its null hypothesis; its
            variance is too large by itself where there are few groups (Guo and others 2005, "Small-
            sample performance of the robust score test"), so nothing is added for them.
    """
    if groups is None or len(groups) == 0:
        return 1.0
    count = int(groups.max()) + 1
    weight = np.ones(len(groups)) if weights is None else weights
    squares = np.bincount(groups, weight**2, count)
    together = np.bincount(groups, weight, count) ** 2
    filled = squares > 0
    squares, together = squares[filled], together[filled]
    if len(squares) == len(groups):
        return 1.0
    if len(squares) < 2:
        return float("inf")
    full = together.sum() / squares.sum()  # Kish's, where all pictures of a group are alike
    variance = float(np.sum(influence**2))
    sums = np.bincount(groups, influence, count)
    small = 1.0 if is_score else len(squares) / (len(squares) - 1)
    estimate = small * float(np.sum(sums**2)) / variance if variance > 0 else full
    effect = max(1.0, (events * estimate + full) / (events + 1))
    if is_score:
        return float(effect)
    correlation = min(1.0, (effect - 1) / (full - 1))
    by_group = squares + correlation * (together - squares)
    # Satterthwaite: a few large groups among many small ones have fewer degrees than groups.
    degrees = max(1.0, by_group.sum() ** 2 / np.sum(by_group**2) - 1)
    return float(effect * (quantile(alpha, degrees) / quantile(alpha)) ** 2)


def share_inflation(right: NDArray[Any], groups: Ints | None, alpha: float = ALPHA) -> float:
    """``variance_inflation`` of a share: ``right`` (n,) says of each picture whether it counts."""
    if groups is None or len(right) == 0:
        return 1.0
    hits = np.asarray(right, float)
    events = min(hits.sum(), len(hits) - hits.sum())
    return variance_inflation(hits - hits.mean(), groups, events=events, alpha=alpha)


def group_count(groups: Ints | None, pictures: int) -> int:
    """How many groups ``pictures`` are of; each its own where ``groups`` is None."""
    return pictures if groups is None else len(np.unique(groups))


def exchange_test(differences: Ints, groups: Ints | None) -> float:
    """The exact two-sided p-value of a comparison of two models, each group's answers exchanged
    between them by a coin: how often the sum would be at least as far from 0.

    The randomisation test by groups of Gail and others (1996, "On design considerations and
    randomization-based inference for community intervention trials"); where each picture is its
    own group it is McNemar's exact test (1947).

    Args:
        differences: (n,) 1 where only the first is right, -1 where only the second is, else 0.

    >>> exchange_test(np.array([1, 1, 1, 1, 1, 1]), None)
    0.03125
    >>> exchange_test(np.array([1, 1, 1, 1, 1, 1]), np.array([0, 0, 0, 1, 1, 1]))
    0.5
    """
    sums = differences if groups is None else np.bincount(groups, differences).astype(np.int64)
    steps = np.abs(sums[sums != 0])
    if not len(steps):
        return 1.0
    total, observed = int(steps.sum()), abs(int(sums.sum()))
    chances = np.zeros(2 * total + 1)
    chances[total] = 1.0
    for step in steps.tolist():
        chances = (np.roll(chances, step) + np.roll(chances, -step)) / 2
    reached = np.abs(np.arange(-total, total + 1)) >= observed
    return float(min(1.0, chances[reached].sum()))
