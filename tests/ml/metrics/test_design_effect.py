"""Intervals and tests of pictures in groups, against formulas and simulations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks import grouped_intervals
from ml.metrics import classification, roc, slices, thresholds
from ml.metrics.design_effect import exchange_test, quantile, share_inflation, variance_inflation
from ml.metrics.registry import LabelledLogits
from ml.metrics.report import make_report, with_groups


def test_the_quantiles_are_those_of_scipy():
    assert quantile(0.05) == pytest.approx(stats.norm.ppf(0.975))
    assert quantile(0.01, 4.5) == pytest.approx(stats.t.ppf(0.995, 4.5))


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_pictures_that_are_all_their_own_group_change_nothing(right):
    hits = np.array(right)
    assert share_inflation(hits, None) == 1
    assert share_inflation(hits, np.arange(len(hits))[::-1].copy()) == 1


def test_groups_that_agree_count_once():
    """Where all pictures of a group are alike, groups of equal size are the sample."""
    right, groups = np.repeat([1, 1, 1, 0, 1, 0, 1, 1, 1, 1] * 10, 6), np.repeat(np.arange(100), 6)
    effect = share_inflation(right, groups) / (stats.t.ppf(0.975, 99) / stats.norm.ppf(0.975)) ** 2
    assert effect == pytest.approx(6, rel=0.02)


def test_the_design_effect_of_correlated_groups_is_kishs():
    random = np.random.default_rng(0)
    rates = random.beta(0.8 * 4, 0.2 * 4, 20_000)  # correlation 1 / (1 + 4)
    right = (random.random((20_000, 5)) < rates[:, None]).ravel()
    found = share_inflation(right, np.repeat(np.arange(20_000), 5))
    assert found == pytest.approx(1 + 4 * 0.2, rel=0.03)


def test_one_group_alone_shows_nothing():
    right, groups = np.array([1, 1, 0, 1]), np.zeros(4, np.int64)
    assert classification.share_interval(right, groups) == (0.0, 1.0)
    assert classification.paired_difference(right[None] - 0.5, groups)[1] == (-1.0, 1.0)


def test_perfect_answers_of_few_groups_stay_uncertain():
    alone = classification.share_interval(np.ones(100), None)
    grouped = classification.share_interval(np.ones(100), np.repeat(np.arange(5), 20))
    assert grouped[0] < 0.5 < alone[0]


@given(st.lists(st.integers(-1, 1), min_size=1, max_size=40))
def test_without_groups_the_exchange_test_is_mcnemars(differences):
    first, second = differences.count(1), differences.count(-1)
    total = first + second
    wanted = stats.binomtest(first, total).pvalue if total else 1.0
    assert exchange_test(np.array(differences), None) == pytest.approx(wanted)
    assert exchange_test(np.array(differences), np.arange(len(differences))) == pytest.approx(
        wanted
    )


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 1)), min_size=1, max_size=25))
def test_the_exchange_test_counts_every_assignment(pairs):
    groups, differences = (np.array(column) for column in zip(*pairs, strict=True))
    sums = np.bincount(groups, differences, 6)
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    wanted = np.mean(np.abs(sums @ signs) >= abs(sums.sum()))
    assert exchange_test(differences, groups) == pytest.approx(wanted)


@pytest.mark.parametrize("case", [(15, 10, 0.2, 0.8), (10, 20, 0.4, 0.9), (30, 5, 0.0, 0.9)])
def test_intervals_of_grouped_pictures_cover_what_they_promise(case):
    """A cheap part of ``benchmarks/grouped_intervals.py``: fewer tests, so wider limits."""
    covered = grouped_intervals.coverage(*case, tests=150)
    for name, share in covered.items():
        assert share > 0.88, (name, covered)


def test_the_area_and_thresholds_allow_for_groups():
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 5)
    positive = np.repeat(random.random(40) < 0.5, 5)
    scores = positive + np.repeat(random.normal(0, 1, 40), 5) + random.normal(0, 0.2, 200)
    alone, grouped = roc.curve(scores, positive), roc.curve(scores, positive, groups)
    shuffled = roc.curve(scores, positive, random.permutation(200))
    assert roc.curve_interval(shuffled) == roc.curve_interval(alone)

    def width(interval):
        return interval[1] - interval[0]

    assert width(roc.curve_interval(grouped)) > 1.5 * width(roc.curve_interval(alone))
    one, other = thresholds.call(alone, 0.5), thresholds.call(grouped, 0.5)
    assert width(other.precision_interval) > 1.3 * width(one.precision_interval)
    assert width(other.recall_interval) > 1.3 * width(one.recall_interval)


def test_a_slice_of_one_unlucky_group_is_not_called_worse():
    right = np.ones(200, bool)
    right[:12] = False
    inside = np.arange(200) < 20
    groups = np.repeat(np.arange(10), 20)
    group = slices.Group("Folder", "a", inside)
    assert slices.find(right, [group])[0].worse
    assert not slices.find(right, [group], groups)[0].worse
    assert slices.find(right, [group], np.arange(200))[0].p == slices.find(right, [group])[0].p


def test_a_slice_that_many_groups_have_wrong_is_still_called_worse():
    right, inside = np.ones(800, bool), np.arange(800) < 400
    right[:300] = False
    group = slices.Group("Brightness", "dark", inside)
    assert slices.find(right, [group], np.repeat(np.arange(200), 4))[0].worse


def test_a_report_says_that_groups_were_counted():
    random = np.random.default_rng(2)
    labels = np.repeat([0, 1], 60)
    logits = random.normal(0, 1, (120, 2)).astype(np.float32)
    logits[np.arange(120), labels] += 2 * np.repeat(random.random(12) < 0.7, 10)
    manifest = {
        "classes": ["a", "b"],
        "temperature": 1.0,
        "threshold": 0.5,
        "model": "m",
        "run": "r",
        "parity": {"images": 1, "top1_agreement": 1.0, "max_probability_difference": 0.0},
    }
    plain = make_report(logits, labels, labels, "test", manifest)
    groups = np.repeat(np.arange(12), 10)
    grouped = with_groups(plain, LabelledLogits(logits, labels, groups), 1.0)
    assert grouped["groups"]["count"] == 12
    assert grouped["groups"]["largest"] == 10
    assert grouped["groups"]["effective_pictures"] < 120
    for name, (low, high) in plain["intervals"].items():
        wide = grouped["intervals"][name]
        assert wide[1] - wide[0] > high - low, name
    assert all("interval" in entry for entry in grouped["calibration"]["bins"])
    alone = with_groups(plain, LabelledLogits(logits, labels), 1.0)
    assert alone == plain


def test_the_influence_of_a_metric_is_its_slope():
    """Leaving out a picture of a cell moves the metric by its influence, to first order."""
    matrix = np.array([[400, 60, 10], [30, 300, 20], [5, 40, 150]])
    total = matrix.sum()
    for metric, influence, scale in (
        (classification.accuracy, classification.accuracy_influence, 1 / total),
        (classification.balanced_accuracy, classification.balanced_accuracy_influence, 1 / 3),
        (classification.macro_f1, classification.macro_f1_influence, 1 / total),
    ):
        slopes = influence(matrix) * scale
        for cell in np.ndindex(3, 3):
            more = matrix.copy()
            more[cell] += 1
            assert metric(more) - metric(matrix) == pytest.approx(slopes[cell], abs=4e-5)


def test_weights_make_rare_pictures_count_more():
    influence = np.array([1.0, -1, 1, -1, 0.1, -0.1])
    groups = np.array([0, 0, 1, 1, 2, 2])
    even = variance_inflation(influence, groups, events=0)
    weighted = variance_inflation(
        influence, groups, events=0, weights=np.array([9.0, 9, 1, 1, 1, 1])
    )
    assert weighted > even
