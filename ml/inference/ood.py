"""Out-of-distribution (OOD) detection, and the nearest training pictures.

A model names one of its classes for whatever it is shown. So it carries features of training
pictures, normalised to length 1. Four measures say how unlike them a picture is, each in units of
its spread over the validation pictures. The score is the first plus the greatest of the others.

The first is the local density: how much further the picture's neighbours are from it than from
their own neighbours (Breunig et al. 2000, "LOF: Identifying Density-Based Local Outliers",
https://doi.org/10.1145/335191.335388, in the simplified form of Schubert et al. 2014,
https://doi.org/10.1007/s10618-012-0300-z). It sees neighbouring classes best. The others are:

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
"""k. The distance to the very nearest would depend on one odd training picture."""
MIN_GAP = 1e-3
"""The least distance of a picture from its neighbours, for one with copies."""
BLOCK_ROWS = 512
MAX_ROWS_WITHOUT_BLAS = 32
"""Up to so many rows are multiplied without BLAS: its threads spin for 20 ms after each product,
which is longer than the network takes for a picture."""

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class OodReference:
    """Features of training pictures, by which a model scores new ones.

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
        """How many measures there are."""
        return 2 if self.gaps is None else 3 if self.axes is None else 4

    def ood_score(self, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """OOD scores (N,) of pictures with features (N, F) and logits (N, K): about 0 for pictures
        like those of the validation, higher for others."""
        return np.asarray(self.combined(self.measures(features, logits)))

    def measures(self, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """Local density, distance to the nearest class, energy and residual of features
        (N, F) and logits (N, K), each higher for a stranger picture: (4, N)."""
        starts = range(0, len(features), BLOCK_ROWS)
        blocks = ((features[at : at + BLOCK_ROWS], logits[at : at + BLOCK_ROWS]) for at in starts)
        parts = (
            self._measures(self._squared_distances(block), block, block_logits)
            for block, block_logits in blocks
        )
        return np.concatenate([np.empty((self.count, 0)), *parts], axis=1)

    def distances(self, features: Floats, k: int = NEIGHBOURS) -> npt.NDArray[np.float64]:
        """Distances (N,), 0 to 2, of features (N, F) from their k-th nearest training picture."""
        starts = range(0, len(features), BLOCK_ROWS)
        parts = (self._squared_distances(features[start : start + BLOCK_ROWS]) for start in starts)
        return np.concatenate(
            [np.empty(0), *(self._nearest_distances(squared, k)[:, -1] for squared in parts)]
        )

    def nearest(self, features: Floats, max_count: int) -> list[tuple[int, int, float]]:
        """The training pictures nearest to features (F,): item, label, distance; nearest first."""
        return self._nearest(self._squared_distances(features[None])[0], max_count)

    def judge(
        self, features: Floats, logits: Floats, max_count: int
    ) -> list[tuple[bool, list[tuple[int, int, float]]]]:
        """For each picture of a batch whether it is out of distribution, and its ``nearest``.

        It computes the distances once for both.
        """
        squared = self._squared_distances(features)
        unlike = self.combined(self._measures(squared, features, logits)) > self.limit
        return [
            (bool(one), self._nearest(row, max_count))
            for one, row in zip(unlike, squared, strict=True)
        ]

    def combined(self, measures: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The OOD scores (N,) of ``measures`` (M, N)."""
        middle, deviation = self.spread.T[:, :, None]
        first, *others = (measures - middle) / deviation
        return np.asarray(first + np.maximum.reduce(others))

    def _measures(
        self, squared: Floats, features: Floats, logits: Floats
    ) -> npt.NDArray[np.float64]:
        """``measures``, of squared distances (N, n), features (N, F) and logits (N, K)."""
        if self.gaps is None:
            return np.stack([self._nearest_distances(squared, NEIGHBOURS)[:, -1], energy(logits)])
        unit = normalised(features)
        class_distance = 1 - _dot_products(unit, self._class_means).max(1).astype(np.float64)
        near = np.argpartition(squared, min(NEIGHBOURS, len(self.features)) - 1, axis=1)
        near = near[:, :NEIGHBOURS]
        mean_distance = np.sqrt(np.take_along_axis(squared, near, axis=1)).mean(1)
        density = np.log(np.maximum(mean_distance, MIN_GAP) / self.gaps[near].mean(1))
        measures = [density, class_distance, energy(logits)]
        if self.axes is not None:
            explained = np.square(_dot_products(unit, self.axes), dtype=np.float64).sum(1)
            measures.append(np.sqrt(np.maximum(0.0, 1 - explained)))
        return np.stack(measures)

    def _nearest_distances(self, squared: Floats, k: int) -> npt.NDArray[np.float64]:
        """The distances of the k nearest, the k-th last: (N, k), of squared ones (N, n)."""
        k = min(k, len(self.features))
        return np.asarray(np.sqrt(np.partition(squared, k - 1, axis=1)[:, :k]), np.float64)

    def _nearest(self, squared: Floats, max_count: int) -> list[tuple[int, int, float]]:
        order = np.argsort(squared, kind="stable")[:max_count]
        return [(int(self.items[n]), int(self.labels[n]), float(squared[n] ** 0.5)) for n in order]

    def _squared_distances(self, features: Floats) -> npt.NDArray[np.float64]:
        """Squared distances (N, n) of features (N, F) of any length, brought to 1."""
        unit = normalised(features)
        products = _dot_products(unit, self.features)
        return np.asarray(
            np.maximum(0.0, 1 + self._squared_norms - 2 * products.astype(np.float64))
        )

    @cached_property
    def _squared_norms(self) -> npt.NDArray[np.float64]:
        """Squared: half precision leaves them a little longer or shorter than 1."""
        return np.asarray(np.square(self.features, dtype=np.float64).sum(1))

    @cached_property
    def _class_means(self) -> npt.NDArray[np.float32]:
        """The middles of the classes (K, F), of length 1."""
        means = [self.features[self.labels == one].mean(0) for one in np.unique(self.labels)]
        return normalised(np.stack(means))


def energy(logits: Floats) -> npt.NDArray[np.float64]:
    """Of logits (N, K), as they come from the network: high where no class speaks up. (N,)"""
    return -np.asarray(np.logaddexp.reduce(np.asarray(logits, np.float64), axis=1))


def _dot_products(unit: npt.NDArray[np.float32], rows: npt.NDArray[np.float32]) -> Floats:
    """The products (N, n) of (N, F) with (n, F)."""
    if len(unit) <= MAX_ROWS_WITHOUT_BLAS:
        return np.asarray(np.vecdot(unit[:, None], rows[None]))
    return unit @ rows.T


def normalised(features: Floats) -> npt.NDArray[np.float32]:
    """Features (N, F), each of length 1."""
    values = np.asarray(features, np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, 1e-12), np.float32)
