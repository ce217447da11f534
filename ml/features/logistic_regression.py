"""Multinomial logistic regression by L-BFGS: the best linear head on given features.

The loss is convex, so there is one best head, and nothing to tune but the L2 penalty. Numpy and
scipy alone: the inference worker fits heads without torch.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Solution = npt.NDArray[np.float64]

PENALTY = 0.1
"""L2 penalty: best by validation on the bundled photos, where 0.03 to 0.3 do as well."""
MAX_ITERATIONS = 200
MAX_GRADIENT = 1e-4
"""The fit ends when no gradient is larger; the accuracy no longer changes then."""


@dataclass(frozen=True)
class Head:
    """Logits (N, K) are ``(features - mean) * scale @ weights.T + bias``: ``weights`` (K, F)."""

    mean: Floats
    scale: float
    weights: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """(N, F) to (N, K)."""
        solution = (features - self.mean) * self.scale @ self.weights.T + self.bias
        return np.asarray(solution, np.float32)


def fit(
    features: Floats,
    labels: Labels,
    classes: int,
    *,
    penalty: float = PENALTY,
    weights: Floats | None = None,
) -> Head:
    """The head with the least mean loss plus ``penalty`` / 2 times its squared weights.

    Args:
        features: (N, F), N at least 1.
        labels: (N,), 0 to ``classes`` - 1. A class may be missing.
        penalty: above 0, else the weights grow without end where the classes are separable.
        weights: (N,), what each row counts in the mean loss, at least 0; None for 1.
    """
    problem = Problem.of(features, labels, classes)
    return problem.head(problem.solve(penalty, weights))


@dataclass(frozen=True)
class Problem:
    """Rows to fit heads on, prepared once for many fits: other penalties, other parts of the rows.

    Features are centred and brought to one common scale, so that a penalty means the same whatever
    the backbone; neither depends on the labels. ``columns`` (N, C) are the features in as few
    columns as they span, ``back`` (C, F) leads from weights of these to weights of the features,
    ``target`` (N, K) is 1 at the labels. A solution is (K, C + 1) float64, the bias last.
    """

    mean: Floats
    scale: float
    columns: Floats
    back: npt.NDArray[np.float64]
    target: Floats

    @classmethod
    def of(cls, features: Floats, labels: Labels, classes: int) -> "Problem":
        """The problem of ``features`` (N, F) with ``labels`` (N,), 0 to ``classes`` - 1."""
        mean = features.mean(0)
        centred = features - mean
        scale = 1.0 / max(float(centred.std(0).mean()), 1e-6)
        centred *= scale
        with _single_thread():
            columns, back = _compressed(centred)
        target = np.zeros((len(columns), classes), np.float32)
        target[np.arange(len(columns)), labels] = 1
        return cls(mean, scale, columns, back, target)

    def solve(
        self, penalty: float, weights: Floats | None = None, start: Solution | None = None
    ) -> Solution:
        """The solution for ``penalty``, found by L-BFGS (Liu and Nocedal 1989,
        https://doi.org/10.1007/BF01589116).

        Args:
            weights: (N,), what each row counts in the mean loss: 0 leaves it out; None for 1.
            start: where to begin; the solution of a penalty nearby saves most of the steps.
        """
        from scipy.optimize import minimize  # type: ignore[import-untyped]

        count, classes = self.target.shape
        shares = np.ones(count, np.float32) if weights is None else np.asarray(weights, np.float32)
        used = np.flatnonzero(shares)
        columns, target, shares = self.columns, self.target, shares / shares.sum()
        if len(used) < count:
            columns, target, shares = columns[used], target[used], shares[used]
        width = columns.shape[1]
        if start is None:
            start = np.zeros((classes, width + 1))

        def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
            solution = flat.reshape(classes, width + 1)
            each, error = _loss_and_error(_logits(columns, solution), target)
            error *= shares[:, None]
            gradient = np.empty_like(solution)
            gradient[:, :width] = error.T @ columns + penalty * solution[:, :width]
            gradient[:, width] = error.sum(0)
            value = float(each @ shares) + penalty / 2 * float((solution[:, :width] ** 2).sum())
            return value, gradient.ravel()

        options = {"maxiter": MAX_ITERATIONS, "gtol": MAX_GRADIENT}
        with _single_thread():
            result = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        return np.asarray(result.x.reshape(classes, width + 1))

    def logits(self, solution: Solution, rows: Labels) -> Floats:
        """Logits (n, K) of the rows (n,)."""
        return _logits(self.columns[rows], solution)

    def head(self, solution: Solution) -> Head:
        """The head for features as they come from the backbone."""
        inner = (solution[:, :-1] @ self.back).astype(np.float32)
        return Head(self.mean, self.scale, inner, solution[:, -1].astype(np.float32))


def _single_thread() -> AbstractContextManager[object]:
    """Many small products of matrices: several threads that wait for one another on a busy computer
    take a hundred times as long."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    return cast(AbstractContextManager[object], threadpool_limits(1))


def _logits(columns: Floats, solution: Solution) -> Floats:
    inner = solution.astype(np.float32)
    return np.asarray(columns @ inner[:, :-1].T + inner[:, -1], np.float32)


def losses(logits: Floats, labels: Labels) -> Floats:
    """The cross-entropy of each row (n,) of logits (n, K)."""
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels])


def _loss_and_error(logits: Floats, target: Floats) -> tuple[Floats, Floats]:
    """The loss of each row (n,) and its derivative by the logits (n, K)."""
    logits = logits - logits.max(1, keepdims=True)
    powers = np.exp(logits)
    sums = powers.sum(1, keepdims=True)
    return (target * (np.log(sums) - logits)).sum(1), powers / sums - target


def _compressed(centred: Floats) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Features (N, F) in as few columns as they span, and the way back (columns, F).

    The best weights are a mixture of the features (Kimeldorf and Wahba 1971), so that the same head
    is found among N columns as among F, where N is less: distances and squares stay what they were.
    """
    if len(centred) >= centred.shape[1]:
        return centred, np.eye(centred.shape[1])
    values, axes = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    nonzero = values > values.max(initial=0.0) * 1e-9
    root = np.sqrt(values[nonzero])
    back = (axes[:, nonzero] / root).T @ centred
    return (axes[:, nonzero] * root).astype(np.float32), back
