"""Label noise: the share of labels that are wrong, and of suspects that are, with its uncertainty.

A label is wrong with one probability and then any other class alike, with a second and then the
class that looks most like the right one; else it follows the probabilities of the classifier,
sharpened by one exponent (Patrini et al. 2017, "Making deep neural networks robust to label noise:
a loss correction approach", https://arxiv.org/abs/1609.03683; the exponent is the inverse
temperature of Guo et al. 2017, "On calibration of modern neural networks",
https://arxiv.org/abs/1706.04599). They can be told apart: hard pictures disagree where the
classifier hesitates, wrong labels where it is sure too. All three are integrated out on a grid, so
that what a small set leaves open is open in the answer.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RATES = np.concatenate([[0.0], np.geomspace(0.003, 0.3, 11)])
"""Of labels turned to any class, and of labels turned to the likeliest other."""
PROBABILITY_OF_NO_NOISE = 0.5
"""A priori, of either sort. The other rates of the grid are equally probable a priori."""
MAX_RATE = 0.5
"""Of both sorts together."""
EXPONENTS = np.geomspace(0.5, 8, 19)
LOWER_QUANTILE, UPPER_QUANTILE = 0.05, 0.95
DRAWS = 4000
MAX_PICTURES = 2000
"""More are sampled: they would make the estimate no surer than it is worth."""
SMALLEST_PROBABILITY, SMALLEST_LIKELIHOOD = 1e-6, 1e-12

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
    rows, judged = (_sample(every) for every in (np.arange(len(labels)), suspects))
    likelihoods = _likelihoods(probabilities[rows], labels[rows])
    weights = _posterior(*likelihoods, two_sorts=probabilities.shape[1] > 2)
    right, turned = _likelihoods(probabilities[judged], labels[judged])
    wrong = (turned / (right + turned)).mean(3)  # (exponents, rates, rates)
    random = np.random.default_rng(0)
    drawn = random.choice(wrong.size, DRAWS, p=weights.ravel())
    # Of few suspects the share that is wrong scatters, however sure the rate is.
    shares = random.binomial(len(suspects), wrong.ravel()[drawn]) / len(suspects)
    low, high = np.quantile(shares, (LOWER_QUANTILE, UPPER_QUANTILE))
    return Precision(float((weights * wrong).sum()), float(low), float(high))


def _sample(rows: Labels) -> Labels:
    if len(rows) <= MAX_PICTURES:
        return rows
    return np.random.default_rng(0).permutation(rows)[:MAX_PICTURES]


def _likelihoods(probabilities: Floats, labels: Labels) -> tuple[Floats, Floats]:
    """The probability of each label as the right one, and as a wrong one, at every point of the
    grid: both (exponents, rates, rates, N)."""
    rows, classes = np.arange(len(labels)), probabilities.shape[1]
    logs = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
    logs -= logs.max(1, keepdims=True)
    likeliest, second = np.argsort(-probabilities, axis=1, kind="stable")[:, :2].T
    to_any, to_alike = RATES[:, None, None], RATES[None, :, None]
    right, wrong = [], []
    for exponent in EXPONENTS:
        powers = np.exp(exponent * logs)
        powers /= powers.sum(1, keepdims=True)
        own, top = powers[rows, labels], powers[rows, likeliest]
        alike = np.where(labels == second, top, np.where(labels == likeliest, 1 - top, 0))
        right.append(np.maximum(1 - to_any - to_alike, 0) * own + SMALLEST_LIKELIHOOD)
        wrong.append(to_any / (classes - 1) * (1 - own) + to_alike * alike)
    return np.stack(right), np.stack(wrong)


def _posterior(right: Floats, wrong: Floats, *, two_sorts: bool) -> Floats:
    """The posterior of every point of the grid, (exponents, rates, rates), which sums to 1.

    Of two classes any other is the likeliest other: there wrong labels are of one sort.
    """
    prior = np.full(len(RATES), (1 - PROBABILITY_OF_NO_NOISE) / (len(RATES) - 1))
    prior[RATES == 0] = PROBABILITY_OF_NO_NOISE
    logs = np.log(right + wrong).sum(3) + np.log(prior)[:, None] + np.log(prior)
    logs[:, RATES[:, None] + RATES > MAX_RATE] = -np.inf
    if not two_sorts:
        logs[:, :, RATES > 0] = -np.inf
    weights: Floats = np.exp(logs - logs.max())
    weights /= weights.sum()
    return weights
