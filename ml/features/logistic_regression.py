"""Multinomial logistic regression by L-BFGS: the best linear head on given features.

The loss is convex, so there is one best head, and nothing to tune but the L2 penalty. Numpy and
scipy alone: the inference worker fits heads without torch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

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


def fit(features: Floats, labels: Labels, classes: int, *, penalty: float = PENALTY) -> Head:
    """The head with the least mean loss plus ``penalty`` / 2 times its squared weights.

    Features are centred and brought to one common scale first, so that the penalty means the same
    whatever the backbone. Liu and Nocedal 1989, https://doi.org/10.1007/BF01589116.

    Args:
        features: (N, F), N at least 1.
        labels: (N,), 0 to ``classes`` - 1. A class may be missing.
        penalty: above 0, else the weights grow without end where the classes are separable.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # Many small products of matrices: several threads that wait for one another on a busy computer
    # take a hundred times as long.
    with threadpool_limits(1):
        return _fit(features, labels, classes, penalty)


def _fit(features: Floats, labels: Labels, classes: int, penalty: float) -> Head:
    from scipy.optimize import minimize  # type: ignore[import-untyped]

    mean = features.mean(0)
    centred = features - mean
    scale = 1.0 / max(float(centred.std(0).mean()), 1e-6)
    centred *= scale
    columns, back = _compressed(centred)
    count, width = columns.shape
    target = np.zeros((count, classes), np.float32)
    target[np.arange(count), labels] = 1

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        matrix = flat.reshape(classes, width + 1)
        inner = matrix[:, :width]
        logits = columns @ inner.T.astype(np.float32) + matrix[:, width].astype(np.float32)
        logits -= logits.max(1, keepdims=True)
        powers = np.exp(logits)
        sums = powers.sum(1, keepdims=True)
        each = (target * (np.log(sums) - logits)).sum(1)
        error = (powers / sums - target) / count
        gradient = np.empty_like(matrix)
        gradient[:, :width] = error.T @ columns + penalty * inner
        gradient[:, width] = error.sum(0)
        value = float(each.mean()) + penalty / 2 * float((inner**2).sum())
        return value, gradient.ravel()

    first = np.zeros(classes * (width + 1))
    options = {"maxiter": MAX_ITERATIONS, "gtol": MAX_GRADIENT}
    solution = minimize(loss, first, jac=True, method="L-BFGS-B", options=options).x
    solution = solution.reshape(classes, width + 1)
    inner = (solution[:, :width] @ back).astype(np.float32)
    return Head(mean, scale, inner, solution[:, width].astype(np.float32))


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
