"""Label noise: the share of labels that are wrong, and of suspects that are, with its uncertainty.

A label is wrong with one probability, the *rate*, and then any other class alike; else it follows
the probabilities of the classifier, sharpened by one exponent (Patrini et al. 2017, "Making deep
neural networks robust to label noise: a loss correction approach",
https://arxiv.org/abs/1609.03683; the exponent is the inverse temperature of Guo et al. 2017,
"On calibration of modern neural networks", https://arxiv.org/abs/1706.04599). The two can be told
apart: hard pictures disagree where the classifier hesitates, wrong labels where it is sure too.
Both are integrated out on a grid, so that what a small set leaves open is open in the answer.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RATES = np.concatenate([[0.0], np.geomspace(0.002, 0.4, 24)])
PROBABILITY_OF_NO_NOISE = 0.5
"""A priori. The other rates of the grid are equally probable a priori."""
EXPONENTS = np.geomspace(0.5, 8, 25)
LOWER_QUANTILE, UPPER_QUANTILE = 0.05, 0.95
DRAWS = 4000
MAX_PICTURES = 5000
"""More are sampled: they would make the estimate no surer than it is worth."""
SMALLEST_PROBABILITY = 1e-6

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


class Precision(NamedTuple):
    """The share of suspects whose label is wrong, 0 to 1, with the bounds of its 90 % interval."""

    share: float
    low: float
    high: float


def suspect_precision(probabilities: Floats, labels: Labels, suspects: Labels) -> Precision:
    """Estimate the share of suspects whose label is wrong.

    Args:
        probabilities: out-of-fold, (N, K), K at least 2.
        labels: (N,).
        suspects: rows, at least one.
    """
    rows = np.arange(len(labels))
    if len(rows) > MAX_PICTURES:
        rows = np.random.default_rng(0).permutation(rows)[:MAX_PICTURES]
    weights = _posterior(_own_probabilities(probabilities[rows], labels[rows]), probabilities)
    own = _own_probabilities(probabilities[suspects], labels[suspects])
    wrong = _wrong(own, probabilities.shape[1]).mean(2)  # (rates, exponents)
    random = np.random.default_rng(0)
    drawn = random.choice(wrong.size, DRAWS, p=weights.ravel())
    # Of few suspects the share that is wrong scatters, however sure the rate is.
    shares = random.binomial(len(suspects), wrong.ravel()[drawn]) / len(suspects)
    low, high = np.quantile(shares, (LOWER_QUANTILE, UPPER_QUANTILE))
    return Precision(float((weights * wrong).sum()), float(low), float(high))


def _own_probabilities(probabilities: Floats, labels: Labels) -> Floats:
    """Sharpened by each exponent, the probability of each label: (exponents, N)."""
    logs = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    logs -= logs.max(1, keepdims=True)
    own = np.empty((len(EXPONENTS), len(labels)))
    for place, exponent in enumerate(EXPONENTS):
        powers = np.exp(exponent * logs)
        own[place] = powers[np.arange(len(labels)), labels] / powers.sum(1)
    return own


def _posterior(own: Floats, probabilities: Floats) -> Floats:
    """The posterior of every rate and exponent, (rates, exponents), which sums to 1."""
    other = 1 / (probabilities.shape[1] - 1)
    logs = np.stack(
        [np.log((1 - rate) * own + rate * other * (1 - own) + 1e-12).sum(1) for rate in RATES]
    )
    prior = np.full(len(RATES), (1 - PROBABILITY_OF_NO_NOISE) / (len(RATES) - 1))
    prior[RATES == 0] = PROBABILITY_OF_NO_NOISE
    logs += np.log(prior)[:, None]
    weights: Floats = np.exp(logs - logs.max())
    weights /= weights.sum()
    return weights


def _wrong(own: Floats, classes: int) -> Floats:
    """The probability that each label is wrong, (rates, exponents, N)."""
    rate = RATES[:, None, None]
    by_mistake = rate / (classes - 1) * (1 - own)
    wrong: Floats = by_mistake / (by_mistake + (1 - rate) * own + 1e-12)
    return wrong
