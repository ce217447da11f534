"""The threshold of a model and what it promises."""

import numpy as np
import pytest
from scipy.stats import beta, binom

from ml.metrics import selective
from ml.metrics.calibration import NEVER_SURE


def two_classes(confidence, right):
    """Probabilities (N, 2) and labels (N,) of guesses of that confidence."""
    return np.stack([confidence, 1 - confidence], axis=1), np.where(right, 0, 1)


@pytest.mark.parametrize(("wrong", "count"), [(0, 59), (3, 100), (17, 40), (5, 5)])
def test_the_bound_is_that_of_clopper_and_pearson(wrong, count):
    bound = selective.upper_bound(wrong, count)
    expected = 1.0 if wrong == count else beta.ppf(0.95, wrong + 1, count - wrong)
    assert bound == pytest.approx(expected, abs=1e-9)
    if wrong < count:  # it is the share at which so few wrong ones have a probability of 5 %
        assert binom.cdf(wrong, count, bound) == pytest.approx(0.05, abs=1e-6)


def test_the_promise_holds_for_19_of_20_models():
    broken = given = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        confidence = random.uniform(0.5, 1.0, 120)
        right = random.random(120) < confidence  # exact probabilities
        rule = selective.choose_threshold(*two_classes(confidence, right))
        if rule.bound is None:
            continue
        given += 1
        actual = 1 - (1 + rule.threshold) / 2  # the mean error at and above the threshold
        broken += actual > rule.bound
    assert given > 100
    assert broken / given <= 0.05


def test_most_answers_are_given_within_the_goal():
    confidence = np.linspace(0.5, 1.0, 400)
    right = confidence > 0.56  # wrong below: too many wrong at 0.5, none left at 0.6
    rule = selective.choose_threshold(*two_classes(confidence, right))
    assert rule.bound is not None
    assert rule.bound <= selective.GOAL
    assert rule.threshold == pytest.approx(0.55, abs=0.005)
    perfect = selective.choose_threshold(*two_classes(confidence, confidence > 0))
    assert perfect.threshold == pytest.approx(0.5)


def test_guesses_that_show_nothing_are_never_sure():
    confidence = np.linspace(0.5, 1.0, 100)
    rule = selective.choose_threshold(*two_classes(confidence, np.arange(100) % 2 == 0))
    assert rule == selective.SelectiveRule(NEVER_SURE, None)


def test_few_pictures_promise_nothing():
    probabilities, labels = two_classes(np.full(10, 0.9), np.ones(10, bool))
    rule = selective.choose_threshold(probabilities, labels)
    assert rule == selective.SelectiveRule(0.5, None)
    assert selective.count(probabilities, labels, rule)["enough"] is False
    nothing = np.zeros((0, 2)), np.zeros(0, int)
    assert selective.choose_threshold(*nothing).bound is None


def test_what_a_threshold_leaves_open_is_counted():
    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.55, 0.45]])
    rule = selective.SelectiveRule(0.7, 0.08)
    counted = selective.count(chances, np.array([0, 1, 1, 0]), rule)
    assert (counted["pictures"], counted["answered"], counted["right"]) == (4, 3, 2)
    assert (counted["bound"], counted["confidence"], counted["enough"]) == (0.08, 0.95, False)
    never = selective.SelectiveRule(NEVER_SURE, None)
    assert selective.count(chances, np.array([0, 1, 1, 0]), never)["answered"] == 0
