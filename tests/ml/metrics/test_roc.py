"""Curves of one class against the rest, and other figures, against scikit-learn and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference
from sklearn.neighbors import NearestCentroid

from ml.metrics import baselines, calibration, roc
from ml.metrics.report import make_report
from tests.helpers.trained import trained


def test_the_figures_of_saved_predictions_are_those_of_scikit_learn():
    run = trained().run
    with np.load(run.folder / "predictions.npz") as saved:
        logits, labels = saved["logits"], saved["labels"]
    report, kinds = run.report, range(logits.shape[1])
    probabilities = calibration.softmax(logits, report["calibration"]["temperature"])
    guesses = logits.argmax(1)
    near = {"abs": 1e-6}
    assert report["accuracy"] == pytest.approx(reference.accuracy_score(labels, guesses), **near)
    assert report["balanced_accuracy"] == pytest.approx(
        reference.balanced_accuracy_score(labels, guesses), **near
    )
    assert report["macro_f1"] == pytest.approx(
        reference.f1_score(labels, guesses, average="macro"), **near
    )
    calibrated = report["calibration"]
    assert calibrated["loss"] == pytest.approx(
        reference.log_loss(labels, probabilities, labels=kinds), **near
    )
    assert calibrated["brier"] == pytest.approx(
        reference.brier_score_loss(labels, probabilities, labels=kinds, scale_by_half=False), **near
    )
    for label, entry in enumerate(report["per_class"]):
        inside, scores = labels == label, probabilities[:, label]
        assert entry["roc_auc"] == pytest.approx(reference.roc_auc_score(inside, scores), **near)
        assert entry["average_precision"] == pytest.approx(
            reference.average_precision_score(inside, scores), **near
        )


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=40))
def test_areas_are_those_of_scikit_learn_with_ties_too(pairs):
    scores = np.array([score / 6 for score, _ in pairs])
    positive = np.array([inside for _, inside in pairs])
    pr_curve = roc.curve(scores, positive)
    if positive.any():
        assert roc.average_precision(pr_curve) == pytest.approx(
            reference.average_precision_score(positive, scores)
        )
    else:
        assert roc.average_precision(pr_curve) is None
    if 0 < positive.sum() < len(positive):
        assert roc.roc_auc(pr_curve) == pytest.approx(reference.roc_auc_score(positive, scores))
    else:
        assert roc.roc_auc(pr_curve) is None


@pytest.mark.parametrize(("positives", "negatives"), [(10, 10), (10, 200), (60, 40)])
@pytest.mark.parametrize("apart", [0.5, 1.5, 2.5])
def test_the_interval_of_an_area_holds_the_true_one(positives, negatives, apart):
    random = np.random.default_rng(7)
    true, draws = stats.norm.cdf(apart / np.sqrt(2)), 1000
    ones = random.normal(apart, 1, (draws, positives, 1))
    others = random.normal(0, 1, (draws, 1, negatives))
    areas = (ones > others).mean((1, 2))
    held = [
        low <= true <= high
        for low, high in (roc.roc_auc_interval(area, positives, negatives) for area in areas)
    ]
    assert 0.925 <= np.mean(held) <= 0.99


def test_the_interval_of_an_area_is_whole_at_its_ends_and_symmetric():
    for area in (0.0, 0.3, 0.5, 1.0):
        low, high = roc.roc_auc_interval(area, 1, 9)
        assert 0 <= low <= area <= high <= 1
        mirrored = roc.roc_auc_interval(1 - area, 9, 1)
        assert (1 - high, 1 - low) == pytest.approx(mirrored)
    assert roc.roc_auc_interval(1.0, 1, 1)[0] < 0.3


def test_the_nearest_centroid_is_that_of_scikit_learn():
    pictures = trained().pictures
    seen = np.asarray(pictures.pixels("train"), float).reshape(len(pictures.labels("train")), -1)
    asked = np.asarray(pictures.pixels("test"), float).reshape(len(pictures.labels("test")), -1)
    model = NearestCentroid().fit(seen, pictures.labels("train"))
    centroid = baselines.nearest_centroid(pictures, "test")
    assert centroid["accuracy"] == pytest.approx(model.score(asked, pictures.labels("test")))
    assert trained().run.report["centroid"] == centroid


def test_a_class_without_test_pictures_has_no_area():
    logits = np.eye(3, dtype=np.float32)[[0, 1, 0, 1]]
    manifest = {
        "classes": ["a", "b", "c"],
        "temperature": 1.0,
        "threshold": 0.5,
        "model": "m",
        "run": "r",
        "parity": {"images": 4, "top1_agreement": 1.0, "max_probability_difference": 0.0},
    }
    labels = np.array([0, 1, 0, 1])
    rows = make_report(logits, labels, labels, "test", manifest)["per_class"]
    assert [row["roc_auc"] for row in rows] == [1.0, 1.0, None]
    assert [row["average_precision"] for row in rows] == [1.0, 1.0, None]
