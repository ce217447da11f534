"""The interval for whichever of several models is kept holds the truth in 95 % of simulated tests,
where the interval of one test does not.

    python -m benchmarks.holdout_reuse

*independent*: so many equally good models are scored on one test of 100 pictures, and the best is
kept. *alike*: they answer nine of ten pictures the same. *step by step*: each model is the one kept
so far with a fifth of its answers made anew, and is kept where it scores better: the adaptive case,
for which Bonferroni alone promises nothing. Prints the actual coverage of intervals stated as 95 %.
Exit code 1 where that of the widened interval is under 93 %. Takes about half a minute.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.holdout_reuse import miss_chance
from ml.metrics.classification import share_interval

PICTURES, ACCURACY, TESTS = 100, 0.85, 4000
MODELS = (1, 2, 5, 9, 10, 20, 50)
LOW = 0.93


def independent(random: np.random.Generator, models: int) -> NDArray[np.bool_]:
    """The answers (pictures,) of the best of independent models: whether each is right."""
    right = random.random((models, PICTURES)) < ACCURACY
    return right[right.sum(1).argmax()]


def alike(random: np.random.Generator, models: int) -> NDArray[np.bool_]:
    """Those of the best of models that answer nine of ten pictures the same."""
    shared = random.random(PICTURES) < ACCURACY
    right = random.random((models, PICTURES)) < ACCURACY
    right = np.where(random.random((models, PICTURES)) < 0.9, shared, right)
    return right[right.sum(1).argmax()]


def step_by_step(random: np.random.Generator, models: int) -> NDArray[np.bool_]:
    """Those of the last that was kept, each made from the one before."""
    kept = random.random(PICTURES) < ACCURACY
    for _ in range(models - 1):
        anew = random.random(PICTURES) < ACCURACY
        tried = np.where(random.random(PICTURES) < 0.2, anew, kept)
        kept = tried if tried.sum() > kept.sum() else kept
    return kept


SELECTIONS = {"independent": independent, "alike": alike, "step by step": step_by_step}


def coverage(selection: str, models: int, tests: int = TESTS) -> tuple[float, float]:
    """The share of tests in which the interval of one test, and that of the best of ``models``,
    hold the true accuracy of the model that is kept."""
    random = np.random.default_rng(models)
    plain = widened = 0
    for _ in range(tests):
        right = SELECTIONS[selection](random, models)
        low, high = share_interval(right)
        plain += low <= ACCURACY <= high
        low, high = share_interval(right, alpha=miss_chance(models))
        widened += low <= ACCURACY <= high
    return plain / tests, widened / tests


def main() -> int:
    """Simulate and print; 1 where the widened interval covers too little."""
    fine = True
    print(f"{'models scored':>30}" + "".join(f"{models:>8}" for models in MODELS))
    for selection in SELECTIONS:
        plain, widened = zip(*(coverage(selection, models) for models in MODELS), strict=True)
        for name, figures in (("one test", plain), ("of the best", widened)):
            print(f"{selection + ', ' + name:>30}" + "".join(f"{one:8.3f}" for one in figures))
        fine &= min(widened) >= LOW
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
