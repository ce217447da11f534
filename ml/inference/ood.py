"""Whether a picture is unlike anything that a model learned, and which pictures it looks like.

A model names one of its classes for whatever it is shown. So it carries the features of pictures
that it learned from, of length 1, and tells by four measures whether a picture is unlike them, each
in units of its spread over the validation pictures. What counts is how much further its nearest are
from it than theirs from them (Breunig et al. 2000, "LOF: Identifying Density-Based Local Outliers",
https://doi.org/10.1145/335191.335388, in the simplified form of Schubert et al. 2014,
https://doi.org/10.1007/s10618-012-0300-z), which sees neighbouring classes best, and whichever is
greatest of three others:

- the cosine distance to the middle of the nearest class (Techapanurak et al. 2019,
  "Hyperparameter-Free Out-of-Distribution Detection Using Softmax of Scaled Cosine Similarity",
  https://arxiv.org/abs/1905.10628), which sees what is of another kind altogether;
- the energy of the logits (Liu et al. 2020, "Energy-based Out-of-distribution Detection",
  https://arxiv.org/abs/2010.03759), worth most in a network that was trained as a whole;
- what of it lies off the few directions in which the features learned from differ most (the
  residual of Wang et al. 2022, "ViM: Out-Of-Distribution with Virtual-logit Matching",
  https://arxiv.org/abs/2203.10807), worth most there too, and for what is of another kind.

``benchmarks.unlike --choose`` compares them, alone and together. Light: numpy alone.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

NEIGHBOURS = 10
"""k. The distance to the very nearest would hang on one odd picture among those learned from."""
LEAST_GAP = 1e-3
"""Pictures of which there are copies lie this far from their nearest, at the least."""
STEP = 512
FEW = 32
"""Up to so many rows are multiplied without BLAS, whose threads spin for 20 ms after each product:
more than the network takes for a picture."""

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Known:
    """What a model carries of the pictures that it learned from.

    ``features`` (n, F) have length 1 each, ``items`` (n,) are their places in the version of the
    data set, ``labels`` (n,) their class numbers. ``spread`` (M, 2) are mean and deviation, over
    validation pictures, of the M measures. Beyond ``limit`` a picture is unlike them. ``gaps`` (n,)
    is how far each lies from the k-th nearest of the others, ``axes`` (d, F) are the directions in
    which they differ most, each of length 1 and at right angles to the others.

    A model of an earlier Lensmith has no ``axes``, hence three measures, and of a still earlier one
    no ``gaps``: its two are the distance to the k-th nearest and the energy, added.
    """

    features: npt.NDArray[np.float32]
    items: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    spread: npt.NDArray[np.float64]
    limit: float
    gaps: npt.NDArray[np.float32] | None = None
    axes: npt.NDArray[np.float32] | None = None

    @property
    def count(self) -> int:
        """How many measures it takes."""
        return 2 if self.gaps is None else 3 if self.axes is None else 4

    def strangeness(self, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """How unlike what was learned pictures are, of their features (N, F) and logits (N, K):
        (N,), about 0 for pictures like those of the validation."""
        return np.asarray(self._weigh(self.measures(features, logits)))

    def measures(self, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """Local density, distance to the nearest class, energy and residual of features
        (N, F) and logits (N, K), each higher for a stranger picture: (4, N)."""
        starts = range(0, len(features), STEP)
        blocks = ((features[at : at + STEP], logits[at : at + STEP]) for at in starts)
        parts = (self._measures(self._apart(some), some, said) for some, said in blocks)
        return np.concatenate([np.empty((self.count, 0)), *parts], axis=1)

    def distances(self, features: Floats, k: int = NEIGHBOURS) -> npt.NDArray[np.float64]:
        """How far each of features (N, F) lies from the k-th nearest of what was learned: (N,),
        0 to 2."""
        starts = range(0, len(features), STEP)
        parts = (self._apart(features[start : start + STEP]) for start in starts)
        return np.concatenate([np.empty(0), *(self._close(apart, k)[:, -1] for apart in parts)])

    def nearest(self, features: Floats, most: int) -> list[tuple[int, int, float]]:
        """What features (F,) lie nearest to: item, label and distance, the nearest first."""
        return self._nearest(self._apart(features[None])[0], most)

    def judge(
        self, features: Floats, logits: Floats, most: int
    ) -> list[tuple[bool, list[tuple[int, int, float]]]]:
        """For each picture of a batch whether it is unlike what was learned, and what is
        ``nearest`` to it: as ``strangeness`` and ``nearest``, from one look at the distances."""
        apart = self._apart(features)
        unlike = self._weigh(self._measures(apart, features, logits)) > self.limit
        return [
            (bool(one), self._nearest(row, most)) for one, row in zip(unlike, apart, strict=True)
        ]

    def _weigh(self, measures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        middle, deviation = self.spread.T[:, :, None]
        first, *others = (measures - middle) / deviation
        return np.asarray(first + np.maximum.reduce(others))

    def _measures(self, apart: Floats, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """``measures``, of squared distances (N, n), features (N, F) and logits (N, K)."""
        if self.gaps is None:
            return np.stack([self._close(apart, NEIGHBOURS)[:, -1], energy(logits)])
        asked = normalised(features)
        off_centre = 1 - _alike(asked, self._centres).max(1).astype(np.float64)
        near = np.argpartition(apart, min(NEIGHBOURS, len(self.features)) - 1, axis=1)
        near = near[:, :NEIGHBOURS]
        far = np.sqrt(np.take_along_axis(apart, near, axis=1)).mean(1)
        alone = np.log(np.maximum(far, LEAST_GAP) / self.gaps[near].mean(1))
        measures = [alone, off_centre, energy(logits)]
        if self.axes is not None:
            along = np.square(_alike(asked, self.axes), dtype=np.float64).sum(1)
            measures.append(np.sqrt(np.maximum(0.0, 1 - along)))
        return np.stack(measures)

    def _close(self, apart: Floats, k: int) -> npt.NDArray[np.float64]:
        """The distances of the k nearest, the k-th last: (N, k), of squared ones (N, n)."""
        k = min(k, len(self.features))
        return np.asarray(np.sqrt(np.partition(apart, k - 1, axis=1)[:, :k]), np.float64)

    def _nearest(self, apart: Floats, most: int) -> list[tuple[int, int, float]]:
        order = np.argsort(apart, kind="stable")[:most]
        return [(int(self.items[n]), int(self.labels[n]), float(apart[n] ** 0.5)) for n in order]

    def _apart(self, features: Floats) -> npt.NDArray[np.float64]:
        """Squared distances (N, n) of features (N, F) of any length, brought to 1."""
        asked = normalised(features)
        alike = _alike(asked, self.features)
        return np.asarray(np.maximum(0.0, 1 + self._lengths - 2 * alike.astype(np.float64)))

    @cached_property
    def _lengths(self) -> npt.NDArray[np.float64]:
        """Squared: half precision leaves them a little longer or shorter than 1."""
        return np.asarray(np.square(self.features, dtype=np.float64).sum(1))

    @cached_property
    def _centres(self) -> npt.NDArray[np.float32]:
        """The middles of the classes (K, F), of length 1."""
        middles = [self.features[self.labels == one].mean(0) for one in np.unique(self.labels)]
        return normalised(np.stack(middles))


def energy(logits: Floats) -> npt.NDArray[np.float64]:
    """Of logits (N, K), as they come from the network: high where no class speaks up. (N,)"""
    return -np.asarray(np.logaddexp.reduce(np.asarray(logits, np.float64), axis=1))


def _alike(asked: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]) -> Floats:
    """The products (N, n) of (N, F) with (n, F)."""
    if len(asked) <= FEW:
        return np.asarray(np.vecdot(asked[:, None], rows[None]))
    return asked @ rows.T


def normalised(features: Floats) -> npt.NDArray[np.float32]:
    """Features (N, F), each of length 1."""
    values = np.asarray(features, np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, 1e-12), np.float32)
