"""Sampler: suggestions depend on the observations alone, and beat random search."""

import math

import numpy as np
import pytest

from ml.tuning.sampler import Observation, importances, suggest_values
from ml.tuning.search_space import Axis

PAIR = [Axis("learning_rate", 1e-4, 1.0, log=True), Axis("optimizer", choices=("sgd", "adamw"))]


def quality(values: dict[str, object]) -> float:
    """Best at a rate of 0.01 with AdamW."""
    away = math.log10(float(str(values["learning_rate"]))) + 2
    return 0.9 - 0.1 * away**2 - 0.1 * (values["optimizer"] == "sgd")


def observed(count: int, seed: int = 3) -> list[Observation]:
    observations: list[Observation] = []
    for number in range(1, count + 1):
        values = suggest_values(PAIR, observations, number, seed)
        observations.append(Observation(values, quality(values)))
    return observations


def test_suggestions_are_a_function_of_the_observations() -> None:
    observations = observed(8)
    assert observations == observed(8)
    assert suggest_values(PAIR, observations, 9, 3) == suggest_values(
        PAIR, list(observations), 9, 3
    )
    assert suggest_values(PAIR, observations, 9, 3) != suggest_values(PAIR, observations, 9, 4)


def test_a_search_beats_random_draws() -> None:
    searched_best, random_best = [], []
    for seed in range(8):
        searched_best.append(max(one.score for one in observed(25, seed)))
        draws = [suggest_values(PAIR, [], number, seed) for number in range(1, 26)]
        random_best.append(max(map(quality, draws)))
    assert np.mean(searched_best) > np.mean(random_best)
    assert np.mean(searched_best) > 0.895


def test_the_sampler_takes_failed_and_pruned_trials() -> None:
    observations = observed(6)
    observations[1] = Observation(observations[1].values, None)
    observations[2] = Observation(observations[2].values, 0.1, is_complete=False)
    assert set(suggest_values(PAIR, observations, 7, 3)) == {"learning_rate", "optimizer"}
    assert suggest_values(PAIR, [Observation(observations[0].values, None)], 2, 3)


def test_the_deciding_axis_has_the_largest_importance() -> None:
    axes = [Axis("learning_rate", 1e-4, 1.0, log=True), Axis("label_smoothing", 0.0, 0.2)]
    drawn = [suggest_values(axes, [], number, 1) for number in range(1, 40)]
    observations = [
        Observation(one, -((math.log10(one["learning_rate"]) + 2) ** 2)) for one in drawn
    ]
    shares = importances(axes, observations)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["learning_rate"] > 0.7
    assert importances(axes, observations[:5]) == {}, "too few to tell"
    assert importances(axes, [Observation(one, 0.5) for one in drawn]) == {}, "nothing mattered"
