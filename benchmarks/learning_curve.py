"""What twice the pictures would bring lies in the interval that is given, with and without a floor.

    python -m benchmarks.learning_curve

Errors follow ``last * (floor + (1 - floor) * share ** -exponent)``: a pure power law where the
floor is 0. Four sizes are measured on 60 or 300 test pictures, by five draws of a head or by one
fit of a whole network; each fit is off by a standard deviation of 1 point. Prints how often an
interval is given, and how many of those given hold the true gain: as Lensmith gives it, and in
brackets by a power law without a floor. Exit code 1 where, over the cases of a floor, fewer than
93 % hold. Takes about a minute.
"""

import sys
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.learning_curve import SHARES, summary

FLOORS, EXPONENTS, LAST = (0.0, 0.3, 0.7), (0.3, 0.8), (0.1, 0.3)
PICTURES, DRAWS = (60, 300), (5, 1)
TESTS, LOW, NOISE = 60, 0.93, 0.01
SIZES = np.arange(1, SHARES + 1) / SHARES
COUNTS = [100, 200, 300, 400]


def simulated_hits(
    errors: NDArray[np.float64], draws: int, pictures: int, random: np.random.Generator
) -> NDArray[np.bool_]:
    """Whether each picture is right: (sizes, draws, pictures). Seven of ten answers depend on how
    hard the picture is, the same for all fits."""
    hard = random.random(pictures)
    rates = np.clip(errors[:, None] + random.normal(0, NOISE, (len(errors), draws)), 0.001, 0.99)
    own = random.random((len(errors), draws, pictures))
    level = np.where(random.random(own.shape) < 0.7, hard, own)
    return level >= rates[..., None]


def power_law_interval(hits: NDArray[np.bool_]) -> tuple[float, float] | None:
    """The interval by a power law without a floor, with the pictures drawn again: as it was."""
    right = hits.mean(1)
    pictures = right.shape[1]
    if pictures * (1 - right[-1].mean()) < 5:
        return None
    random = np.random.default_rng(0)
    resampled = random.multinomial(pictures, np.full(pictures, 1 / pictures), 300)
    mistakes = np.vstack([pictures - right.sum(1), resampled @ (1 - right.T)])
    logs, x = np.log((mistakes + 0.5) / (pictures + 1)), np.log(SIZES)
    centred = x - x.mean()
    slope = -(logs @ centred) / (centred @ centred)
    last = np.exp(logs.mean(1) + slope * x.mean())
    if np.quantile(slope, 0.025) <= 0:
        return None
    low, high = np.quantile((last * (1 - 2.0**-slope))[1:], [0.025, 0.975])
    return float(low), float(high)


def coverage(
    floor: float, exponent: float, last: float, pictures: int, draws: int, tests: int = TESTS
) -> tuple[list[int], list[int]]:
    """[given, held] by Lensmith and by the power law without a floor."""
    random = np.random.default_rng(0)
    errors = last * (floor + (1 - floor) * SIZES**-exponent)
    true = last * (1 - floor) * (1 - 2.0**-exponent)
    ours, without = [0, 0], [0, 0]
    for _ in range(tests):
        hits = simulated_hits(errors, draws, pictures, random)
        found = summary(hits, COUNTS)["twice"], power_law_interval(hits)
        for counts, interval in zip((ours, without), found, strict=True):
            if interval is not None:
                counts[0] += 1
                counts[1] += interval[0] <= true <= interval[1]
    return ours, without


def main() -> int:
    """Simulate and print; 1 where the intervals hold too seldom."""
    fine = True
    print("intervals given, and the share of them that hold; in brackets without a floor")
    for floor, exponent in product(FLOORS, EXPONENTS):
        total, total_without = np.zeros(2), np.zeros(2)
        for last, pictures, draws in product(LAST, PICTURES, DRAWS):
            ours, without = coverage(floor, exponent, last, pictures, draws)
            total += ours
            total_without += without
        share, share_without = total[1] / total[0], total_without[1] / total_without[0]
        fine &= bool(share >= LOW)
        tests = TESTS * len(LAST) * len(PICTURES) * len(DRAWS)
        print(
            f"floor {floor:.0%}, exponent {exponent}: {total[0] / tests:.0%} given, "
            f"{share:.1%} hold ({total_without[0] / tests:.0%} given, {share_without:.1%} hold)",
            flush=True,
        )
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
