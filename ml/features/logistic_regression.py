"""Multinomial logistic regression by L-BFGS: the best linear head on given features, in an instant.

The loss is convex, so that there is one best head and nothing to tune but how strongly it is held
back. Numpy and scipy alone: the inference worker fits heads without torch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

PENALTY = 0.1
"""Held back so strongly: best by validation on the bundled photos, where 0.03 to 0.3 are alike."""
STEPS = 200
EASE = 1e-4
"""The search ends when no slope is steeper than this: the accuracy has long stopped moving."""


@dataclass(frozen=True)
class Head:
    """Logits (N, K) are ``(features - mean) * scale @ weights.T + bias``: ``weights`` (K, F)."""

    mean: Floats
    scale: float
    weights: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """(N, F) to (N, K)."""
        found = (features - self.mean) * self.scale @ self.weights.T + self.bias
        return np.asarray(found, np.float32)


def fit(features: Floats, labels: Labels, classes: int, *, penalty: float = PENALTY) -> Head:
    """The head with the least mean loss plus ``penalty`` / 2 times its squared weights.

    Features are centred and brought to one common scale first, so that the penalty means the same
    whatever the backbone. Liu and Nocedal 1989, https://doi.org/10.1007/BF01589116.

    Args:
        features: (N, F), N at least 1.
        labels: (N,), 0 to ``classes`` - 1. A class may be missing.
        penalty: at least a little above 0, else the head of separable features has no end.
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
    columns, back = _narrow(centred)
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
        slope = np.empty_like(matrix)
        slope[:, :width] = error.T @ columns + penalty * inner
        slope[:, width] = error.sum(0)
        value = float(each.mean()) + penalty / 2 * float((inner**2).sum())
        return value, slope.ravel()

    first = np.zeros(classes * (width + 1))
    options = {"maxiter": STEPS, "gtol": EASE}
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options=options).x
    found = found.reshape(classes, width + 1)
    inner = (found[:, :width] @ back).astype(np.float32)
    return Head(mean, scale, inner, found[:, width].astype(np.float32))


def _narrow(centred: Floats) -> tuple[Floats, npt.NDArray[np.float64]]:
    """Features (N, F) in as few columns as they span, and the way back (columns, F).

    The best weights are a mixture of the features (Kimeldorf and Wahba 1971), so that the same head
    is found among N columns as among F, where N is less: distances and squares stay what they were.
    """
    if len(centred) >= centred.shape[1]:
        return centred, np.eye(centred.shape[1])
    values, axes = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    kept = values > values.max(initial=0.0) * 1e-9
    root = np.sqrt(values[kept])
    back = (axes[:, kept] / root).T @ centred
    return (axes[:, kept] * root).astype(np.float32), back
