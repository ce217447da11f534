"""Intervals and tests of pictures in groups hold what they state, where those for independent
pictures do not.

    python -m benchmarks.grouped_intervals

Groups err together: the rate of each is drawn from a beta distribution with the given correlation
within groups (beta-binomial model). Prints the actual coverage of intervals stated as 95 %, and how
often tests at 5 % call a difference where there is none: as Lensmith computes them and, in
brackets, as if pictures were independent. Exit code 1 where an interval covers less than 93 %, or
a test is wrong in more than 7 %. Takes about a minute.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from ml.metrics import classification as metrics
from ml.metrics import roc
from ml.metrics.design_effect import exchange_test
from ml.metrics.registry import LabelledLogits, all_metrics
from ml.metrics.slices import Group, find

CASES = (
    (15, 10, 0.2, 0.8),
    (15, 10, 0.2, 0.9),
    (10, 20, 0.4, 0.8),
    (10, 20, 0.4, 0.9),
    (30, 5, 0.0, 0.9),
    (30, 5, 0.4, 0.9),
    (60, 4, 0.6, 0.9),
    (100, 5, 0.2, 0.8),
)
"""Groups, pictures in each, correlation within groups, and accuracy."""
LOW, MAX_FALSE = 0.93, 0.07
CLASSES = 2


def _rates(
    random: np.random.Generator, groups: int, correlation: float, mean: float
) -> NDArray[np.float64]:
    if correlation == 0:
        return np.full(groups, mean)
    strength = 1 / correlation - 1
    return random.beta(mean * strength, (1 - mean) * strength, groups)


def _answers(
    random: np.random.Generator, groups: int, size: int, correlation: float, accuracy: float
) -> LabelledLogits:
    """A test whose groups are of two classes in turn."""
    labels = np.repeat(np.arange(groups) % CLASSES, size)
    rates = np.repeat(_rates(random, groups, correlation, accuracy), size)
    right = random.random(groups * size) < rates
    guesses = np.where(right, labels, 1 - labels)
    return LabelledLogits(np.eye(CLASSES)[guesses], labels, np.repeat(np.arange(groups), size))


def coverage(
    groups: int, size: int, correlation: float, accuracy: float, *, tests: int, grouped: bool = True
) -> dict[str, float]:
    """The share of tests whose interval holds the truth, by metric; ``difference`` is that of the
    accuracies of two models."""
    random = np.random.default_rng(1)
    names = [one.name for one in all_metrics() if one.interval]
    held = dict.fromkeys([*names, "recall", "difference", "roc_auc"], 0.0)
    for _ in range(tests):
        one = _answers(random, groups, size, correlation, accuracy)
        other = _answers(random, groups, size, correlation, accuracy)
        ids = one.groups if grouped else None
        shown = LabelledLogits(one.logits, one.labels, ids)
        for metric in all_metrics():
            if metric.interval:
                low, high = metric.interval(shown)
                # With classes alike, the truth of all three is the accuracy.
                held[metric.name] += low <= accuracy <= high
        right = one.guesses == one.labels
        low, high = metrics.share_interval(right, ids, one.labels == 0)
        held["recall"] += low <= accuracy <= high
        difference = right.astype(float) - (other.guesses == other.labels)
        low, high = metrics.paired_difference(difference[None], ids)[1]
        held["difference"] += low <= 0 <= high
        low, high = roc.curve_interval(_curve(random, groups, size, correlation, grouped))
        held["roc_auc"] += low <= _AREA <= high
    return {name: count / tests for name, count in held.items()}


_APART = 1.5
_AREA = 0.8555778168267576
"""The true area for scores of standard deviation 1 that lie ``_APART`` apart: normal cdf of
1.5 / sqrt(2)."""


def _curve(
    random: np.random.Generator, groups: int, size: int, correlation: float, grouped: bool
) -> roc.Curve:
    positive = np.repeat(np.arange(groups) % CLASSES == 0, size)
    shared = np.repeat(random.normal(0, correlation**0.5, groups), size)
    scores = _APART * positive + shared + random.normal(0, (1 - correlation) ** 0.5, len(positive))
    ids = np.repeat(np.arange(groups), size)
    return roc.curve(scores, positive, ids if grouped else None)


def false_alarms(
    groups: int, size: int, correlation: float, accuracy: float, *, tests: int, grouped: bool = True
) -> dict[str, float]:
    """How often a test at 5 % calls two equal models different, or an ordinary slice worse."""
    random = np.random.default_rng(2)
    called = {"exchange test": 0.0, "slice": 0.0}
    for _ in range(tests):
        one = _answers(random, groups, size, correlation, accuracy)
        other = _answers(random, groups, size, correlation, accuracy)
        ids = one.groups if grouped else None
        right = one.guesses == one.labels
        differences = right.astype(np.int64) - (other.guesses == other.labels)
        called["exchange test"] += exchange_test(differences, ids) < 0.05
        inside = np.repeat(random.random(groups) < 0.3, size)
        found = find(right, [Group("", "", inside)], ids)
        called["slice"] += bool(found) and found[0].worse
    return {name: count / tests for name, count in called.items()}


def main() -> int:
    """Simulate and print; 1 where something does not hold what it states."""
    fine = True
    print("95 % intervals: share of simulated tests whose interval holds the truth (independent)")
    for case in CASES:
        ours = coverage(*case, tests=500)
        naive = coverage(*case, tests=500, grouped=False)
        fine &= min(ours.values()) >= LOW
        _print(case, ours, naive)
    print("Tests at 5 %: share of simulated tests that call a difference where none is")
    for case in CASES:
        ours = false_alarms(*case, tests=500)
        naive = false_alarms(*case, tests=500, grouped=False)
        fine &= max(ours.values()) <= MAX_FALSE
        _print(case, ours, naive)
    return 0 if fine else 1


def _print(
    case: tuple[int, int, float, float], ours: dict[str, float], naive: dict[str, float]
) -> None:
    groups, size, correlation, accuracy = case
    figures = "  ".join(f"{name} {share:.3f} ({naive[name]:.3f})" for name, share in ours.items())
    print(
        f"{groups:3} groups of {size:2}, correlation {correlation}, accuracy {accuracy}: {figures}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
