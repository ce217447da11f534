"""The quick head: folds, principal components, probabilities."""

import numpy as np
import pytest

from ml.doctor import logistic_regression
from ml.doctor.checks.labels import suspects


def blobs(count: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = chance.normal(0, 6, (classes, 20))
    return (centres[labels] + chance.normal(0, 1, (count, 20))).astype(np.float32), labels


def test_every_class_is_spread_evenly_over_the_folds() -> None:
    labels = np.repeat([0, 1, 2], [50, 25, 5])
    fold = logistic_regression.folds_of(labels, np.arange(80))
    counts = [np.bincount(fold[labels == label], minlength=5).tolist() for label in range(3)]
    assert counts == [[10] * 5, [5] * 5, [1] * 5]


def test_a_unit_is_in_one_fold() -> None:
    group_ids = np.random.default_rng(0).integers(0, 30, 200)
    fold = logistic_regression.folds_of(np.arange(200) % 4, group_ids)
    assert all(len(set(fold[group_ids == unit])) == 1 for unit in range(30))
    assert set(fold) == set(range(5))


def test_principal_components_are_those_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    columns, _ = blobs(100, 3)
    ours, theirs = (
        logistic_regression.principal_components(columns, 4),
        PCA(4).fit_transform(columns),
    )
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), atol=1e-3)


def test_nobody_judges_what_it_was_fitted_on() -> None:
    columns, labels = blobs(100, 2)
    columns[:] = np.random.default_rng(0).normal(size=columns.shape)  # nothing can be learned
    group_ids = np.arange(100) // 2  # two copies each
    columns[1::2] = columns[::2]
    labels = np.repeat(np.random.default_rng(1).integers(0, 2, 50), 2)
    predicted = logistic_regression.out_of_fold(columns * 100, labels, group_ids, 2).argmax(1)
    assert (predicted == labels).mean() < 0.75


def test_a_class_that_was_not_seen_is_not_probable() -> None:
    columns, labels = blobs(40, 2)
    probabilities = logistic_regression.predict(columns, labels * 2, columns, 4)
    assert probabilities[:, [1, 3]].max() == 0
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    alone = logistic_regression.predict(columns, np.full(40, 1), columns, 3)
    assert alone[:, 1].min() == 1


def test_labels_turned_at_random_are_suspected() -> None:
    columns, labels = blobs(400, 4)
    turned = np.random.default_rng(2).permutation(400)[:20]
    wrong = labels.copy()
    wrong[turned] = (wrong[turned] + 1) % 4
    suspected, margins = suspects(
        logistic_regression.out_of_fold(columns, wrong, np.arange(400), 4), wrong
    )
    assert set(suspected) == set(turned)
    assert list(margins[suspected]) == sorted(margins[suspected])


def test_nothing_is_suspected_where_nothing_is_wrong() -> None:
    columns, labels = blobs(200, 4)
    suspected, _ = suspects(
        logistic_regression.out_of_fold(columns, labels, np.arange(200), 4), labels
    )
    assert len(suspected) == 0


def test_the_confident_joint_by_hand() -> None:
    # Class 0 is on average 0.65 sure of itself, class 1 0.8. The fourth picture says 0 and is 0.9
    # sure of 1; no other is confidently another. Of the four labelled 0, three are counted: two
    # for 0 (0.95 each), one for 1, so a third of four labels, 1.33, are expected to be wrong.
    label_probabilities = np.array(
        [[0.95, 0.05], [0.95, 0.05], [0.6, 0.4], [0.1, 0.9], [0.2, 0.8], [0.2, 0.8]]
    )
    labels = np.array([0, 0, 0, 0, 1, 1])
    assert label_probabilities[:4, 0].mean() == pytest.approx(0.65)
    suspected, margins = suspects(label_probabilities, labels)
    assert suspected.tolist() == [3]
    assert margins.tolist() == pytest.approx([0.9, 0.9, 0.2, -0.8, 0.6, 0.6])
