"""How good predictions are: figures and their 95 % intervals, counted with numpy alone.

Everything here is a pure function of arrays. A *confusion* is an int64 array (K, K): rows are the
truth, columns what was predicted. Shares are 0 to 1. The intervals are closed formulas, so that the
same predictions always give the same interval.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def wilson(share: float, pictures: float) -> Interval:
    """Wilson's interval for a share found on ``pictures``; effective ones need not be whole.

    >>> [round(end, 3) for end in wilson(0.9, 10)]
    [0.596, 0.982]
    """
    if pictures <= 0:
        return 0.0, 1.0
    spread = Z95 * Z95 / pictures
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 / (1 + spread) * np.sqrt(share * (1 - share) / pictures + spread / pictures / 4)
    return max(0.0, min(share, float(middle - half))), min(1.0, max(share, float(middle + half)))


def accuracy_interval(matrix: Ints) -> Interval:
    """Wilson's interval for the accuracy."""
    return wilson(accuracy(matrix), float(matrix.sum()))


def recall_intervals(matrix: Ints) -> list[Interval]:
    """Wilson's interval for the recall of each class."""
    scores = class_scores(matrix)
    return [
        wilson(float(recall), float(support))
        for recall, support in zip(scores.recall, scores.support, strict=True)
    ]


def balanced_accuracy_interval(matrix: Ints) -> Interval:
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
    return wilson(balanced_accuracy(matrix), smooth.mean() * (1 - smooth.mean()) / variance)


def macro_f1_interval(matrix: Ints) -> Interval:
    """Wilson's interval with the effective number of pictures, by the delta method.

    The variance is that of macro F1 as a smooth function of the cells of the confusion (Takahashi
    and others 2022), with half a picture spread over each row so that no cell counts as impossible.
    With few pictures macro F1 comes out too low; its middle is moved by the bias that the jackknife
    finds (Quenouille 1956). ``benchmarks/intervals.py`` counts how often it holds the truth.
    """
    occurs = (matrix.sum(axis=1) + matrix.sum(axis=0)) > 0
    counts = matrix[np.ix_(occurs, occurs)].astype(float)
    total, classes = counts.sum(), len(counts)
    if total == 0:
        return 0.0, 1.0
    cells = counts + 0.5 / classes
    cells /= cells.sum()
    edges = cells.sum(axis=0) + cells.sum(axis=1)
    f1 = 2 * np.diag(cells) / edges
    # Each cell (i, j) lowers the F1 of i and of j in proportion; the diagonal also raises its own.
    slope = -(f1 / edges)[:, None] - (f1 / edges)[None, :] + np.diag(2 / edges)
    slope /= classes
    # The mean slope is 0, since twice the pictures have the same F1: the mean square is all.
    variance = np.sum(cells * slope**2) / total
    middle = float(f1.mean())
    effective = middle * (1 - middle) / variance if variance > 0 else total
    estimate = macro_f1(matrix)
    unbiased = min(1.0, max(0.0, estimate - _macro_f1_bias(counts)))
    low, high = wilson(unbiased, effective)
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


def paired_difference(differences: Floats) -> tuple[float, Interval]:
    """The mean of differences (draws, pictures), each -1 to 1, with its 95 % interval.

    For one draw this is the interval of Bonett and Price 2012, "Adjusted Wald confidence interval
    for a difference of binomial proportions based on paired data": a picture more each way. How
    much the draws differ is added.
    """
    draws = len(differences)
    each = np.append(differences.mean(0), [1.0, -1.0])
    variance = each.var() / len(each)
    if draws > 1:
        variance += differences.mean(1).var(ddof=1) / draws
    mean, middle, half = float(differences.mean()), float(each.mean()), Z95 * float(variance**0.5)
    return mean, (max(-1.0, min(mean, middle - half)), min(1.0, max(mean, middle + half)))
