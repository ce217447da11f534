"""Probabilities that mean what they say: temperature, threshold, and how far off they are.

All on arrays, with numpy alone. Logits are (N, K), labels class numbers (N,).
"""

import math
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
CALIBRATION_FOLDS = 5
MIN_GAIN_IN_ERRORS = 1.64
"""A gain that is larger comes about by chance in one of 20 cases."""


def softmax(logits: NDArray[Any], temperature: float = 1.0) -> Floats:
    """Probabilities (N, K) of logits (N, K), computed in double precision."""
    scaled = np.asarray(logits, np.float64) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def cross_entropies(logits: NDArray[Any], labels: Ints, temperature: float = 1.0) -> Floats:
    """The negative log likelihood of each label (N,) in nats."""
    scaled = np.asarray(logits, np.float64) / temperature
    top = scaled.max(axis=1)
    log_sum = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    return np.asarray(log_sum - scaled[np.arange(len(labels)), labels])


def cross_entropy(logits: NDArray[Any], labels: Ints, temperature: float = 1.0) -> float:
    """The mean of ``cross_entropies``; 0 for no pictures."""
    return float(cross_entropies(logits, labels, temperature).mean()) if len(labels) else 0.0


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


def choose_temperature(logits: NDArray[Any], labels: Ints) -> float:
    """``fit_temperature``, or 1 where that does not help beyond its noise.

    The gain in log likelihood is measured on parts that the temperature was not fitted on
    (cross-fitting); it counts where it is above ``MIN_GAIN_IN_ERRORS`` standard errors.
    """
    if len(labels) < MIN_PICTURES_FOR_CALIBRATION:
        return 1.0
    order = np.random.default_rng(0).permutation(len(labels))
    gain = np.empty(len(labels))
    for part in np.array_split(order, CALIBRATION_FOLDS):
        rest = np.setdiff1d(order, part)
        temperature = fit_temperature(logits[rest], labels[rest])
        before = cross_entropies(logits[part], labels[part])
        gain[part] = before - cross_entropies(logits[part], labels[part], temperature)
    error = float(gain.std(ddof=1)) / math.sqrt(len(gain))
    helps = float(gain.mean()) > MIN_GAIN_IN_ERRORS * error
    return fit_temperature(logits, labels) if helps else 1.0


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
