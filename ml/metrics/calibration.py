"""Probabilities that mean what they say: temperature, threshold, and how far off they are.

All on arrays, with numpy alone. Logits are (N, K), labels class numbers (N,).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.metrics.classification import Floats, Ints

TEMPERATURES = (0.05, 20.0)
TARGET = 0.95
"""How often a guess that is called sure should be right."""
MIN_PICTURES_FOR_CALIBRATION = 20
"""On fewer validation pictures a share of ``TARGET`` shows nothing."""
MIN_THRESHOLD = 0.5
"""A guess that is rather wrong than right by its own account is never called sure."""
NEVER_SURE = 1.0
"""The threshold of a model whose guesses are never called sure."""
DRAWS = 200
RULE = (
    "The lowest confidence, but at least 0.5, at which the validation guesses of that confidence "
    "or more are at least 95 % right, counted on at least 20 of them (on all where there are "
    "fewer). Where there is none it is 1 and no guess is called sure."
)


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> Floats:
    """Probabilities (N, K) of logits (N, K), computed in double precision."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def cross_entropy(logits: NDArray[Any], labels: Ints, temperature: float = 1.0) -> float:
    """The mean negative log likelihood of ``labels`` in nats; 0 for no pictures."""
    if not len(labels):
        return 0.0
    scaled = np.asarray(logits, np.float64) / temperature
    top = scaled.max(axis=1)
    log_sum = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - scaled[np.arange(len(labels)), labels]))


def fit_temperature(logits: NDArray[Any], labels: Ints) -> float:
    """The temperature at which ``softmax(logits / temperature)`` fits the labels best.

    It minimises the negative log likelihood (Guo and others 2017) of labels softened as Platt did:
    the true class gets (n + 1) / (n + 2), the others share the rest. Without that, a few pictures
    that are all right would ask for a temperature of 0 and a certainty that they do not show.
    The likelihood is convex in 1 / temperature, so bisection of its slope finds the one minimum.
    """
    count, classes = np.shape(logits)
    if count == 0 or classes < 2:
        return 1.0
    values = np.asarray(logits, np.float64)
    soft = 1.0 / (count + 2)
    targets = np.full((count, classes), soft / (classes - 1))
    targets[np.arange(count), labels] = 1 - soft
    target = float(np.mean(np.sum(values * targets, axis=1)))
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    for _ in range(60):
        middle = float(np.sqrt(low * high))
        expected = np.mean(np.sum(values * softmax(values, 1 / middle), axis=1))
        low, high = (low, middle) if expected > target else (middle, high)
    return 1 / float(np.sqrt(low * high))


def fit_threshold(probabilities: Floats, labels: Ints) -> float:
    """The confidence from which on a guess is called sure, found on validation pictures.

    The rule stands in ``RULE``.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    order = np.argsort(-confidence, kind="stable")
    confidence, share = confidence[order], np.cumsum(right[order]) / np.arange(1, len(labels) + 1)
    # Guesses of the same confidence are accepted together: only the last of them may end a group.
    last = np.append(confidence[:-1] > confidence[1:], True)[: len(labels)]
    enough = np.arange(1, len(labels) + 1) >= min(MIN_PICTURES_FOR_CALIBRATION, len(labels))
    fitting = np.flatnonzero(last & enough & (share >= TARGET))
    return max(MIN_THRESHOLD, float(confidence[fitting[-1]])) if len(fitting) else NEVER_SURE


def is_sure(confidence: Any, threshold: float) -> Any:
    """Whether a guess of that confidence (a number or an array) is called sure."""
    return (np.asarray(confidence) >= threshold) & (threshold < NEVER_SURE)


def calibration_bins(
    probabilities: Floats, labels: Ints, bins: int = 10
) -> tuple[float, list[dict[str, float]]]:
    """The expected calibration error and its bins, by the probability of the predicted class.

    Each bin has ``low``, ``high``, ``pictures``, ``confidence`` (mean) and ``accuracy``; empty bins
    are left out. The error is the mean gap between the last two, weighted by pictures.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    filled, error = [], 0.0
    for number in range(bins):
        inside = place == number
        pictures = int(inside.sum())
        if not pictures:
            continue
        sure, share = float(confidence[inside].mean()), float(right[inside].mean())
        error += abs(sure - share) * pictures / len(labels)
        ends = {"low": number / bins, "high": (number + 1) / bins}
        filled.append({**ends, "pictures": pictures, "confidence": sure, "accuracy": share})
    return float(error), filled


def error_by_chance(confidence: Floats, bins: int = 10) -> float:
    """How large a calibration error chance alone makes of exact probabilities: in 95 of 100 tests
    it is no larger.

    The error is a mean of gaps and never below 0, so few pictures alone make one. It is counted in
    ``DRAWS`` made-up tests in which every guess is right as often as it says (consistency
    resampling: Broecker and Smith 2007, "Increasing the reliability of reliability diagrams").

    Args:
        confidence: (N,) probabilities of the guesses.
    """
    if not len(confidence):
        return 0.0
    random = np.random.default_rng(0)
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    inside = (place == np.arange(bins)[:, None]).astype(float)
    errors = []
    for _ in range(DRAWS):
        gaps = confidence - (random.random(len(confidence)) < confidence)
        errors.append(np.abs(inside @ gaps).sum() / len(confidence))
    return float(np.quantile(errors, 0.95))
