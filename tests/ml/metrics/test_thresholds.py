"""What a threshold does for one class, against a count by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from ml.metrics import thresholds
from ml.metrics.roc import curve

SCORES = st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=60)


def made(pairs):
    scores = np.array([score / 50 for score, _ in pairs])
    return scores, np.array([inside for _, inside in pairs])


@given(SCORES, st.integers(0, 1000))
def test_what_is_called_is_what_a_count_by_hand_finds(pairs, step):
    scores, positive = made(pairs)
    one = thresholds.call(curve(scores, positive), step / 1000)
    called = scores >= step / 1000
    assert (one.called, one.hits) == (called.sum(), (called & positive).sum())
    assert (one.false_alarms, one.missed) == (
        (called & ~positive).sum(),
        (~called & positive).sum(),
    )
    if called.any():
        assert one.precision == pytest.approx(reference.precision_score(positive, called))
    else:
        assert one.precision is None
    if positive.any():
        assert one.recall == pytest.approx(reference.recall_score(positive, called))
    else:
        assert one.recall is None


@given(SCORES, st.sampled_from([0.5, 0.8, 0.95]))
def test_the_threshold_that_is_named_is_the_lowest_that_is_precise(pairs, target):
    scores, positive = made(pairs)
    pr_curve = curve(scores, positive)
    fits = [
        level
        for level in thresholds.GRID
        if (scores >= level).sum() >= 20 and positive[scores >= level].mean() >= target - 1e-12
    ]
    one = thresholds.for_precision(pr_curve, target)
    assert (one.threshold if one else None) == (min(fits) if fits else None)


@given(SCORES, st.sampled_from([0.5, 0.8, 0.95]))
def test_the_threshold_that_finds_most_is_the_highest_that_does(pairs, target):
    scores, positive = made(pairs)
    one = thresholds.for_recall(curve(scores, positive), target)
    if positive.sum() < 20:
        assert one is None
        return
    fits = [
        level for level in thresholds.GRID if (scores[positive] >= level).mean() >= target - 1e-12
    ]
    assert one is not None
    assert one.threshold == max(fits)


def test_nothing_is_said_of_few_pictures():
    scores = np.linspace(0, 1, 40)
    few = thresholds.summary("cat", curve(scores, scores > 0.9))
    assert few == {"class": "cat", "pictures": 4, "others": 36}
    some = thresholds.summary("cat", curve(scores, scores > 0.7))
    assert some["roc_auc"] == pytest.approx(1)
    assert some["roc_auc_interval"][0] < 0.95
    assert some["for_precision"] is None  # twelve are called rightly, and twelve show nothing
    assert some["for_recall"] is None
    many = thresholds.summary("cat", curve(scores, scores > 0.4))
    assert many["for_precision"]["hits"] >= 0.95 * many["for_precision"]["called"]
    assert many["for_recall"]["missed"] <= 0.05 * many["pictures"]
