"""The 95 % intervals of accuracy, balanced accuracy and macro F1 hold the true value in 93 to
97.5 % of 2,000 simulated tests of 50, 200 and 1,000 pictures.

    python -m benchmarks.intervals

Each task has classes of given shares, each recognised at its own rate and confused at random rates.
A test has the classes in their shares, as the splits of Lensmith do. Takes about half a minute.
"""

import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.metrics import classification as metrics

TASKS: dict[str, tuple[Sequence[float], float, float]] = {
    "2 even classes": ((1, 1), 0.9, 0.03),
    "3 uneven classes": ((3, 2, 1), 0.8, 0.1),
    "6 classes, as recycling": ((1.2, 1, 1, 1, 1, 0.4), 0.85, 0.1),
    "10 even classes": ((1,) * 10, 0.7, 0.2),
}
"""Shares of the classes, mean recall, and how far recalls lie from it."""
PICTURES = (50, 200, 1000)
LOW, HIGH = 0.93, 0.975
INTERVALS: tuple[Callable[[metrics.Ints], metrics.Interval], ...] = (
    metrics.accuracy_interval,
    metrics.balanced_accuracy_interval,
    metrics.macro_f1_interval,
)


def coverage(task: str, pictures: int, tests: int, seed: int = 1) -> NDArray[np.float64]:
    """How often each of the three intervals holds the truth: (3,)."""
    shares, recall, spread = TASKS[task]
    random = np.random.default_rng(seed)
    kinds = len(shares)
    rates = random.dirichlet(np.full(kinds, 0.5), kinds)
    np.fill_diagonal(rates, 0)
    recalls = recall + spread * np.linspace(-1, 1, kinds)
    rates *= ((1 - recalls) / rates.sum(1))[:, None]
    np.fill_diagonal(rates, recalls)
    support = _dealt(np.asarray(shares, float), pictures)
    expected = support[:, None] * rates
    edges = expected.sum(0) + support
    truth = (
        float(support @ recalls / pictures),
        float(recalls.mean()),
        float(np.mean(2 * np.diag(expected) / edges)),
    )
    covered = np.zeros(3)
    for _ in range(tests):
        matrix = random.multinomial(support, rates)
        ends = [interval(matrix) for interval in INTERVALS]
        covered += [low <= true <= high for (low, high), true in zip(ends, truth, strict=True)]
    return covered / tests


def _dealt(shares: NDArray[np.float64], pictures: int) -> metrics.Ints:
    """So many pictures of each class, ``pictures`` in all."""
    exact = shares / shares.sum() * pictures
    floors = np.floor(exact).astype(np.int64)
    floors[np.argsort(floors - exact)[: pictures - floors.sum()]] += 1
    return floors


def main() -> int:
    """Simulate and print; 1 where an interval covers too little or too much."""
    fine = True
    print(f"{'':26}{'n':>6}{'accuracy':>10}{'balanced':>10}{'macro F1':>10}")
    for task in TASKS:
        for pictures in PICTURES:
            coverages = coverage(task, pictures, 2000)
            fine &= bool(np.all((coverages >= LOW) & (coverages <= HIGH)))
            print(f"{task:26}{pictures:6}" + "".join(f"{share:10.3f}" for share in coverages))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
