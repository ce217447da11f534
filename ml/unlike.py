"""Whether a picture is unlike anything that a model learned, and which pictures it looks like.

A model names one of its classes for whatever it is shown. So it carries the features of pictures
that it learned from, of length 1, and tells by three measures whether a picture is unlike them,
each in units of its spread over the validation pictures. What counts is how much further its
nearest are from it than theirs from them (Breunig et al. 2000, "LOF: Identifying Density-Based
Local Outliers", https://doi.org/10.1145/335191.335388, in the simplified form of Schubert et al.
2014, https://doi.org/10.1007/s10618-012-0300-z), which sees neighbouring classes best, and
whichever of two others is greater: the cosine distance to the middle of the nearest class
(Techapanurak et al. 2019, "Hyperparameter-Free Out-of-Distribution Detection Using Softmax of
Scaled Cosine Similarity", https://arxiv.org/abs/1905.10628), which sees what is of another kind
altogether, and the energy of the logits (Liu et al. 2020, "Energy-based Out-of-distribution
Detection", https://arxiv.org/abs/2010.03759), which is worth most in a network that was trained as
a whole. ``benchmarks.unlike --choose`` compares them, alone and together. Light: numpy alone.
"""

import io
import math
import zipfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import BadInputError
from ml.files import write_atomically

FILE = "learned.npz"
NEIGHBOURS = 10
"""k. The distance to the very nearest would hang on one odd picture among those learned from."""
MOST = 4000
"""Pictures whose features a model carries, spread evenly over those that it learned from."""
MOST_BYTES = 8_000_000
"""What their features may take in the model's folder; of wide features fewer are kept."""
FALSE_ALARMS = 0.05
"""How many pictures of the kind that it knows a model may call unlike them."""
ENOUGH = math.ceil(1 / FALSE_ALARMS) - 1
"""On fewer validation pictures that share cannot be met, and the farthest of them is the limit."""
LEAST_GAP = 1e-3
"""Pictures of which there are copies lie this far from their nearest, at the least."""
METHOD = "local density, nearest class and energy"
STEP = 512
FEW = 32
"""Up to so many rows are multiplied without BLAS, whose threads spin for 20 ms after each product:
more than the network takes for a picture."""

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Known:
    """What a model carries of the pictures that it learned from.

    ``features`` (n, F) have length 1 each, ``items`` (n,) are their places in the version of the
    data set, ``labels`` (n,) their class numbers. ``spread`` (3, 2) are mean and deviation, over
    validation pictures, of the measures. Beyond ``limit`` a picture is unlike them. ``gaps`` (n,)
    is how far each lies from the k-th nearest of the others.

    A model of an earlier Lensmith has no ``gaps`` and another ``spread`` (2, 2): its measures are
    the distance to the k-th nearest and the energy, added.
    """

    features: npt.NDArray[np.float32]
    items: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    spread: npt.NDArray[np.float64]
    limit: float
    gaps: npt.NDArray[np.float32] | None = None

    def strangeness(self, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """How unlike what was learned pictures are, of their features (N, F) and logits (N, K):
        (N,), about 0 for pictures like those of the validation."""
        return np.asarray(self._weigh(self.measures(features, logits)))

    def measures(self, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """Local density, distance to the nearest class and energy of features (N, F) and logits
        (N, K), each higher for a stranger picture: (3, N)."""
        starts = range(0, len(features), STEP)
        blocks = ((features[at : at + STEP], logits[at : at + STEP]) for at in starts)
        parts = (self._measures(self._apart(some), some, said) for some, said in blocks)
        return np.concatenate([np.empty((len(self.spread), 0)), *parts], axis=1)

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
        first, *rest = (measures - middle) / deviation
        return np.asarray(first + np.maximum.reduce(rest))

    def _measures(self, apart: Floats, features: Floats, logits: Floats) -> npt.NDArray[np.float64]:
        """``measures``, of squared distances (N, n), features (N, F) and logits (N, K)."""
        if self.gaps is None:
            return np.stack([self._close(apart, NEIGHBOURS)[:, -1], energy(logits)])
        off_centre = 1 - _alike(normalised(features), self._centres).max(1)
        near = np.argpartition(apart, min(NEIGHBOURS, len(self.features)) - 1, axis=1)
        near = near[:, :NEIGHBOURS]
        far = np.sqrt(np.take_along_axis(apart, near, axis=1)).mean(1)
        alone = np.log(np.maximum(far, LEAST_GAP) / self.gaps[near].mean(1))
        return np.stack([alone, off_centre.astype(np.float64), energy(logits)])

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

    def save(self, path: Path) -> None:
        """Write it; half precision is enough for distances.

        Raises:
            WorkspaceError: the disk is full or cannot be written to.
        """
        columns: dict[str, Any] = {
            "features": self.features.astype(np.float16),
            "items": self.items.astype(np.int32),
            "labels": self.labels.astype(np.int32),
            "spread": self.spread,
            "limit": np.float64(self.limit),
        } | ({} if self.gaps is None else {"gaps": self.gaps})
        write_atomically(path, lambda file: np.savez(file, **columns))


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


def chosen(count: int, width: int) -> npt.NDArray[np.int64]:
    """Which of ``count`` training pictures with features (count, width) a model carries."""
    most = min(count, MOST, max(1, MOST_BYTES // (2 * max(1, width))))
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))


def fit(
    features: Floats,
    items: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    validation: Floats,
    logits: Floats,
) -> tuple[Known | None, dict[str, Any]]:
    """What a model carries, and what its ``model.json`` says of that; None without pictures.

    Args:
        features: (n, F) of the pictures that ``chosen`` chose, with their items and labels (n,).
        validation, logits: (V, F) and (V, K); the limit is set on them, so that a picture like
            them is called unlike with a probability of about ``FALSE_ALARMS`` (a conformal
            quantile), if there are ``ENOUGH``.
    """
    if not len(features) or not len(validation):
        return None, {}
    # As it will be read: half precision, in the limit too.
    kept = normalised(features).astype(np.float16).astype(np.float32)
    known = Known(kept, items, labels, np.array([[0.0, 1.0]] * 3), math.inf)
    # Of those themselves, the nearest of all is their own.
    gaps = known.distances(kept, min(NEIGHBOURS, len(kept) - 1) + 1)
    known = replace(known, gaps=np.maximum(gaps, LEAST_GAP).astype(np.float32))
    measures = known.measures(validation, logits)
    spread = np.array([[one.mean(), one.std() or 1.0] for one in measures])
    known = replace(known, spread=spread)
    far = np.sort(known.strangeness(validation, logits))
    place = min(len(far), math.ceil((len(far) + 1) * (1 - FALSE_ALARMS)))
    limit = float(far[place - 1])
    about = {
        "method": METHOD,
        "neighbours": min(NEIGHBOURS, len(kept)),
        "pictures": len(kept),
        "limit": limit,
        "validation": len(far),
        "beyond": int((far > limit).sum()),
        "false_alarms": FALSE_ALARMS,
    }
    return replace(known, limit=limit), about


def load(data: bytes, name: Path) -> Known:
    """What ``Known.save`` wrote.

    Raises:
        BadInputError: it is something else.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as saved:
            features = saved["features"].astype(np.float32)
            items, labels = saved["items"].astype(np.int64), saved["labels"].astype(np.int64)
            spread, limit = saved["spread"].astype(np.float64), float(saved["limit"])
            gaps = saved["gaps"].astype(np.float32) if "gaps" in saved else None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInputError(f"{name} cannot be read. Copy the model folder again.") from error
    lengths = {len(one) for one in (features, items, labels, gaps) if one is not None}
    whole = features.ndim == 2 and len(features) and len(lengths) == 1
    if not whole or spread.shape != (2 if gaps is None else 3, 2):
        raise BadInputError(f"{name} does not hold what it should. Copy the model folder again.")
    return Known(features, items, labels, spread, limit, gaps)
