import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from benchmarks import intervals
from ml.metrics import classification as metrics


@st.composite
def predictions(draw):
    classes = draw(st.integers(2, 6))
    number = draw(st.integers(1, 60))
    one = st.lists(st.integers(0, classes - 1), min_size=number, max_size=number)
    return np.array(draw(one)), np.array(draw(one)), classes


@settings(max_examples=150, deadline=None)
@given(predictions())
def test_every_figure_is_that_of_scikit_learn(case):
    labels, predicted, classes = case
    matrix = metrics.confusion(labels, predicted, classes)
    everything = {"labels": range(classes), "zero_division": 0}
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        labels, predicted, **everything
    )
    scores = metrics.class_scores(matrix)
    assert np.array_equal(
        matrix, reference.confusion_matrix(labels, predicted, labels=range(classes))
    )
    assert np.allclose(scores.precision, precision)
    assert np.allclose(scores.recall, recall)
    assert np.allclose(scores.f1, f1)
    assert np.array_equal(scores.support, support)
    assert metrics.accuracy(matrix) == pytest.approx(reference.accuracy_score(labels, predicted))
    assert metrics.macro_f1(matrix) == pytest.approx(
        reference.f1_score(labels, predicted, average="macro", zero_division=0)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on classes that occur in predictions only
        balanced = reference.balanced_accuracy_score(labels, predicted)
    assert metrics.balanced_accuracy(matrix) == pytest.approx(balanced)


@settings(max_examples=150, deadline=None)
@given(predictions())
def test_every_interval_holds_its_estimate_and_stays_between_0_and_1(case):
    matrix = metrics.confusion(*case)
    for estimate, (low, high) in [
        (metrics.accuracy(matrix), metrics.accuracy_interval(matrix)),
        (metrics.balanced_accuracy(matrix), metrics.balanced_accuracy_interval(matrix)),
        (metrics.macro_f1(matrix), metrics.macro_f1_interval(matrix)),
        *zip(metrics.class_scores(matrix).recall, metrics.recall_intervals(matrix), strict=True),
    ]:
        assert 0 <= low <= estimate <= high <= 1
        assert high - low > 0


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 500), st.data())
def test_the_wilson_interval_is_that_of_scipy(pictures, data):
    right = data.draw(st.integers(0, pictures))
    expected = stats.binomtest(right, pictures).proportion_ci(method="wilson")
    interval = metrics.wilson(right / pictures, pictures)
    assert interval == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_two_equal_classes_give_both_accuracies_one_interval():
    matrix = np.array([[80, 20], [20, 80]])
    interval = metrics.balanced_accuracy_interval(matrix)
    assert interval == pytest.approx(metrics.accuracy_interval(matrix), abs=0.003)


@pytest.mark.parametrize(
    ("classes", "pictures", "share"), [(2, 76, 0.95), (6, 90, 0.8), (10, 150, 0.9), (10, 500, 0.6)]
)
def test_about_19_of_20_intervals_hold_the_true_value(classes, pictures, share):
    random = np.random.default_rng(classes)
    rates = random.dirichlet(np.full(classes, 0.5), classes)
    np.fill_diagonal(rates, 0)
    rates = rates / rates.sum(axis=1, keepdims=True) * (1 - share)
    np.fill_diagonal(rates, share)
    edges = (rates.sum(axis=0) + rates.sum(axis=1)) / classes
    true_f1 = np.mean(2 * share / classes / edges)
    held = []
    for _ in range(400):
        matrix = random.multinomial(pictures // classes, rates)
        ends = metrics.balanced_accuracy_interval(matrix), metrics.macro_f1_interval(matrix)
        held.append([ends[0][0] <= share <= ends[0][1], ends[1][0] <= true_f1 <= ends[1][1]])
    covered = np.mean(held, axis=0)
    assert np.all((covered > 0.92) & (covered < 0.985)), covered


def test_a_class_without_pictures_neither_helps_nor_harms():
    small = np.array([[8, 2], [1, 9]])
    padded = np.zeros((3, 3), np.int64)
    padded[:2, :2] = small
    for figure in (
        metrics.accuracy,
        metrics.balanced_accuracy,
        metrics.macro_f1,
        metrics.balanced_accuracy_interval,
        metrics.macro_f1_interval,
    ):
        assert figure(padded) == pytest.approx(figure(small))


def test_no_pictures_at_all_know_nothing():
    nothing = np.zeros((2, 2), np.int64)
    assert metrics.accuracy(nothing) == metrics.balanced_accuracy(nothing) == 0
    assert metrics.macro_f1(nothing) == 0
    assert metrics.accuracy_interval(nothing) == (0, 1)
    assert metrics.balanced_accuracy_interval(nothing) == (0, 1)
    assert metrics.macro_f1_interval(nothing) == (0, 1)


def test_guessing_the_biggest_class_scores_its_share():
    labels = np.array([0, 1, 1, 1, 2])
    assert metrics.majority(np.array([5, 9, 9]), labels) == (1, 0.6)
    assert metrics.majority(np.array([50, 9, 9]), labels) == (0, 0.2)


def test_a_class_of_one_picture_leaves_the_mean_over_classes_uncertain():
    matrix = np.array([[1, 0], [20, 180]])
    for low, high in (
        metrics.balanced_accuracy_interval(matrix),
        metrics.balanced_accuracy_interval(matrix[::-1, ::-1]),
    ):
        assert low < 0.75
        assert high - low > 0.3


@pytest.mark.parametrize("pictures", intervals.PICTURES)
def test_intervals_cover_what_they_promise(pictures):
    """A cheap part of ``benchmarks/intervals.py``: fewer tests, so wider limits."""
    for task in ("2 even classes", "6 classes, as recycling"):
        coverage = intervals.coverage(task, pictures, 500)
        assert np.all((coverage > 0.92) & (coverage < 0.985)), (task, coverage)
