"""How good predictions are: figures and their 95 % intervals, counted with numpy alone.

Everything here is a pure function of arrays. A *confusion* is an int64 array (K, K): rows are the
truth, columns what was predicted. Shares are 0 to 1. The intervals are closed formulas, so that the
same predictions always give the same interval. An *inflation* is of ``ml.metrics.design_effect``:
by how much the number of pictures is divided where some are of one group; 1 where none are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.metrics.design_effect import ALPHA, quantile, share_inflation, variance_inflation

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Interval = tuple[float, float]

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


@dataclass(frozen=True)
class ClassScores:
    """One entry a class; 0 where a class has nothing to divide by, as scikit-learn has it."""

    precision: Floats
    recall: Floats
    f1: Floats
    support: Ints


def confusion(labels: Ints, predicted: Ints, classes: int) -> Ints:
    """The confusion (``classes``, ``classes``) of two arrays of class numbers (N,)."""
    cells = np.asarray(labels) * classes + np.asarray(predicted)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def accuracy(matrix: Ints) -> float:
    """The share that is right."""
    return _share(float(np.trace(matrix)), float(matrix.sum()))


def class_scores(matrix: Ints) -> ClassScores:
    """Precision, recall, F1 and support of each class."""
    right, support = np.diag(matrix).astype(float), matrix.sum(axis=1)
    claimed = matrix.sum(axis=0)
    return ClassScores(
        precision=_shares(right, claimed),
        recall=_shares(right, support),
        f1=_shares(2 * right, support + claimed),
        support=support,
    )


def balanced_accuracy(matrix: Ints) -> float:
    """The mean recall of the classes that occur."""
    present = matrix.sum(axis=1) > 0
    return float(class_scores(matrix).recall[present].mean()) if present.any() else 0.0


def macro_f1(matrix: Ints) -> float:
    """The mean F1 of the classes that occur in the truth or among the predictions."""
    seen = (matrix.sum(axis=1) + matrix.sum(axis=0)) > 0
    return float(class_scores(matrix).f1[seen].mean()) if seen.any() else 0.0


def wilson(share: float, pictures: float, z: float = Z95) -> Interval:
    """Wilson's interval for a share found on ``pictures``; effective ones need not be whole. ``z``
    is the quantile of the normal distribution for its level.

    >>> [round(end, 3) for end in wilson(0.9, 10)]
    [0.596, 0.982]
    """
    if pictures <= 0:
        return 0.0, 1.0
    spread = z * z / pictures
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * np.sqrt(share * (1 - share) / pictures + spread / pictures / 4)
    return max(0.0, min(share, float(middle - half))), min(1.0, max(share, float(middle + half)))


def share_interval(
    right: NDArray[Any],
    groups: Ints | None = None,
    chosen: NDArray[Any] | None = None,
    alpha: float = ALPHA,
) -> Interval:
    """The interval of the share of pictures that are ``right`` (n,), by their ``groups`` (n,), None
    where each is its own; of the ``chosen`` ones alone where given (n,). It misses the truth with
    the chance ``alpha``."""
    if chosen is not None:
        right, groups = right[chosen], None if groups is None else groups[chosen]
    share = float(right.mean()) if len(right) else 0.0
    z = Z95 if alpha == ALPHA else quantile(alpha)
    return wilson(share, len(right) / share_inflation(right, groups, alpha), z)


def accuracy_influence(matrix: Ints) -> Floats:
    """What a picture of each cell adds to the accuracy, less the mean: (K, K)."""
    return np.eye(len(matrix)) - accuracy(matrix)


def accuracy_interval(matrix: Ints, inflation: float = 1.0) -> Interval:
    """Wilson's interval for the accuracy."""
    return wilson(accuracy(matrix), float(matrix.sum()) / inflation)


def recall_intervals(matrix: Ints, inflations: Sequence[float] | None = None) -> list[Interval]:
    """Wilson's interval for the recall of each class; ``inflations`` are those of the classes."""
    scores = class_scores(matrix)
    return [
        wilson(float(recall), float(support) / inflation)
        for recall, support, inflation in zip(
            scores.recall, scores.support, inflations or [1.0] * len(matrix), strict=True
        )
    ]


def balanced_accuracy_influence(matrix: Ints) -> Floats:
    """What a picture of each cell adds to the sum of the recalls, less the mean: (K, K)."""
    support = np.maximum(1, matrix.sum(axis=1))[:, None]
    return np.asarray((np.eye(len(matrix)) - class_scores(matrix).recall[:, None]) / support)


def balanced_accuracy_interval(matrix: Ints, inflation: float = 1.0) -> Interval:
    """Wilson's interval with the effective number of pictures.

    Balanced accuracy is a mean of recalls that were found independently. The effective number is
    that of the pictures whose plain accuracy would vary as much. Recalls are smoothed by half a
    picture each way before their variance is taken, so that a perfect class is not called certain.
    """
    support = matrix.sum(axis=1)
    present = support > 0
    if not present.any():
        return 0.0, 1.0
    support = support[present].astype(float)
    smooth = (np.diag(matrix)[present] + 0.5) / (support + 1)
    variance = np.sum(smooth * (1 - smooth) / support) / len(support) ** 2
    effective = smooth.mean() * (1 - smooth.mean()) / variance / inflation
    return wilson(balanced_accuracy(matrix), effective)


def macro_f1_influence(matrix: Ints) -> Floats:
    """What a picture of each cell adds to macro F1 per share of the pictures (its gradient): (K,
    K). Half a picture is spread over each row, so that no cell counts as impossible."""
    occurs = (matrix.sum(axis=1) + matrix.sum(axis=0)) > 0
    influence = np.zeros(matrix.shape)
    if occurs.any():
        influence[np.ix_(occurs, occurs)] = _macro_f1_slope(_smoothed_cells(matrix, occurs))
    return influence


def _smoothed_cells(matrix: Ints, occurs: NDArray[np.bool_]) -> Floats:
    """The shares (k, k) of the cells of the classes that occur, half a picture spread a row."""
    counts = matrix[np.ix_(occurs, occurs)].astype(float)
    cells = counts + 0.5 / len(counts)
    return np.asarray(cells / cells.sum())


def _macro_f1_slope(cells: Floats) -> Floats:
    """The gradient of macro F1 by the shares of the cells (k, k)."""
    edges = cells.sum(axis=0) + cells.sum(axis=1)
    f1 = 2 * np.diag(cells) / edges
    # Each cell (i, j) lowers the F1 of i and of j in proportion; the diagonal also raises its own.
    slope = -(f1 / edges)[:, None] - (f1 / edges)[None, :] + np.diag(2 / edges)
    return np.asarray(slope / len(cells))


def macro_f1_interval(matrix: Ints, inflation: float = 1.0) -> Interval:
    """Wilson's interval with the effective number of pictures, by the delta method.

    The variance is that of macro F1 as a smooth function of the cells of the confusion (Takahashi
    and others 2022), with half a picture spread over each row so that no cell counts as impossible.
    With few pictures macro F1 comes out too low; its middle is moved by the bias that the jackknife
    finds (Quenouille 1956). ``benchmarks/intervals.py`` counts how often it holds the truth.
    """
    occurs = (matrix.sum(axis=1) + matrix.sum(axis=0)) > 0
    counts = matrix[np.ix_(occurs, occurs)].astype(float)
    total = counts.sum()
    if total == 0:
        return 0.0, 1.0
    cells = _smoothed_cells(matrix, occurs)
    # The mean slope is 0, since twice the pictures have the same F1: the mean square is all.
    variance = np.sum(cells * _macro_f1_slope(cells) ** 2) / total
    middle = float(np.mean(2 * np.diag(cells) / (cells.sum(axis=0) + cells.sum(axis=1))))
    effective = middle * (1 - middle) / variance if variance > 0 else total
    estimate = macro_f1(matrix)
    unbiased = min(1.0, max(0.0, estimate - _macro_f1_bias(counts)))
    low, high = wilson(unbiased, effective / inflation)
    return min(low, estimate), max(high, estimate)


def _macro_f1_bias(counts: Floats) -> float:
    """How much macro F1 is off on average, by leaving out each picture in turn.

    ``counts`` (K, K) have no class that does not occur. Leaving out a picture of cell (i, j)
    changes the F1 of i and of j alone.
    """
    total = counts.sum()
    right, edges = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1)
    f1 = _shares(2 * right, edges)
    lower = _shares(2 * right, edges - 1) - f1  # one mistake less: F1 rises
    both = lower[:, None] + lower[None, :]
    np.fill_diagonal(both, _shares(2 * (right - 1), edges - 2) - f1)
    return float((total - 1) * np.sum(counts * both) / total / len(counts))


def majority(counts: Ints, labels: Ints) -> tuple[int, float]:
    """The biggest class by ``counts`` (K,), and the share of ``labels`` (N,) that are of it."""
    biggest = int(np.argmax(counts))
    return biggest, _share(float(np.sum(labels == biggest)), float(len(labels)))


def _share(part: float, total: float) -> float:
    return part / total if total else 0.0


def _shares(part: Floats, total: NDArray[Any]) -> Floats:
    return np.asarray(np.divide(part, total, out=np.zeros(len(part)), where=total > 0))


def paired_difference(differences: Floats, groups: Ints | None = None) -> tuple[float, Interval]:
    """The mean of differences (draws, pictures), each -1 to 1, with its 95 % interval.

    For one draw this is the interval of Bonett and Price 2012, "Adjusted Wald confidence interval
    for a difference of binomial proportions based on paired data": a picture more each way. How
    much the draws differ is added. ``groups`` (pictures,) widen it by their design effect.
    """
    draws = len(differences)
    mean_of_draws = differences.mean(0)
    each = np.append(mean_of_draws, [1.0, -1.0])
    inflation = variance_inflation(
        mean_of_draws - mean_of_draws.mean(),
        groups,
        events=float(np.abs(mean_of_draws).sum()),
    )
    if np.isinf(inflation):
        return float(differences.mean()), (-1.0, 1.0)
    variance = inflation * each.var() / len(each)
    if draws > 1:
        variance += differences.mean(1).var(ddof=1) / draws
    mean, middle, half = float(differences.mean()), float(each.mean()), Z95 * float(variance**0.5)
    return mean, (max(-1.0, min(mean, middle - half)), min(1.0, max(mean, middle + half)))
