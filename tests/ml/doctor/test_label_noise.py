"""The stated share of suspects that are wrong, against labels turned on purpose."""

import numpy as np
import pytest

from ml.doctor.checks.labels import precision_sentence, suspects
from ml.doctor.label_noise import Precision, suspect_precision


def noisy_labels(
    seed: int, rate: float, *, pictures: int = 600, classes: int = 4, sharpness: float = 6.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True probabilities, labels drawn from them, and which were turned to another at random."""
    chance = np.random.default_rng(seed)
    logits = chance.normal(0, sharpness, (pictures, classes))
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    labels = (probabilities.cumsum(1) > chance.random((pictures, 1))).argmax(1)
    turned = chance.random(pictures) < rate
    labels[turned] = (labels[turned] + chance.integers(1, classes, turned.sum())) % classes
    return probabilities, labels.astype(np.int64), turned


def softened(probabilities: np.ndarray, exponent: float) -> np.ndarray:
    powers = probabilities**exponent
    return np.asarray(powers / powers.sum(1, keepdims=True))


@pytest.mark.parametrize("exponent", [1.0, 0.5])
@pytest.mark.parametrize("rate", [0.0, 0.04, 0.12])
def test_the_stated_share_of_wrong_suspects_is_the_actual_one(rate: float, exponent: float) -> None:
    stated, actual, inside = [], [], []
    for seed in range(12):
        probabilities, labels, turned = noisy_labels(seed, rate)
        rows, _ = suspects(softened(probabilities, exponent), labels)
        if not len(rows):
            continue
        precision = suspect_precision(softened(probabilities, exponent), labels, rows)
        share = turned[rows].mean()
        stated.append(precision.share)
        actual.append(share)
        inside.append(precision.low - 1e-9 <= share <= precision.high + 1e-9)
    assert np.mean(stated) == pytest.approx(np.mean(actual), abs=0.1)
    assert np.mean(inside) >= 0.75


def test_labels_turned_to_the_likeliest_other_class_are_counted() -> None:
    stated, actual = [], []
    for seed in range(8):
        probabilities, labels, _ = noisy_labels(seed, 0.0)
        order = np.argsort(-probabilities, axis=1)
        turned = np.random.default_rng(seed).random(len(labels)) < 0.06
        given = np.where(labels == order[:, 0], order[:, 1], order[:, 0])
        given = np.where(turned, given, labels)
        rows, _ = suspects(probabilities, given)
        stated.append(suspect_precision(probabilities, given, rows).share)
        actual.append((given != labels)[rows].mean())
    assert np.mean(stated) == pytest.approx(np.mean(actual), abs=0.15)
    assert np.mean(actual) > 0.5


def test_where_no_label_is_wrong_nothing_is_claimed() -> None:
    probabilities, labels, _ = noisy_labels(0, 0.0, sharpness=2.0)
    rows = np.argsort(probabilities[np.arange(len(labels)), labels])[:40]
    precision = suspect_precision(probabilities, labels, rows)
    assert precision.low == 0
    assert precision.share < 0.1


def test_of_many_pictures_a_sample_decides() -> None:
    probabilities, labels, turned = noisy_labels(0, 0.1, pictures=8000)
    rows, _ = suspects(probabilities, labels)
    precision = suspect_precision(probabilities, labels, rows)
    assert precision.share == pytest.approx(turned[rows].mean(), abs=0.05)


@pytest.mark.parametrize(
    ("precision", "number", "words"),
    [
        (Precision(0.42, 0.2, 0.71), 61, "About 4 of 10 of these labels are likely wrong (2 to 7)"),
        (Precision(0.6, 0.2, 1.0), 5, "About 3 of 5 of these labels are likely wrong (1 to 5)"),
        (Precision(0.02, 0.0, 0.3), 61, "Probably hardly any of these labels is wrong (0 to 3"),
    ],
)
def test_shares_are_said_in_tenths_or_pictures(
    precision: Precision, number: int, words: str
) -> None:
    assert precision_sentence(precision, number).startswith(words)
