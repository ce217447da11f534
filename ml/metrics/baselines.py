"""What can be had without learning: the class whose mean training picture is nearest."""

import numpy as np
import numpy.typing as npt

from ml.data.run_pictures import Pictures
from ml.metrics.classification import Ints

SIDE = 16
"""Pictures are compared at about this side: their colours and rough shapes."""
MAX_PICTURES = 2000
"""So many training and so many test pictures at most, evenly from each split."""


def nearest_centroid(pictures: Pictures, split: str) -> dict[str, float] | None:
    """``accuracy`` of the nearest class mean of the pixels, on ``pictures`` of a split.

    None where there is nothing to compare. Distances are Euclidean, as in scikit-learn's
    NearestCentroid.
    """
    trained, labels = _small(pictures, "train")
    tested, truth = _small(pictures, split)
    if not len(trained) or not len(tested):
        return None
    classes = np.unique(labels)
    means = np.stack([trained[labels == label].mean(0) for label in classes])
    distances = (means**2).sum(1) - 2 * tested @ means.T
    right = classes[distances.argmin(1)] == truth
    return {"accuracy": float(right.mean()), "pictures": len(truth)}


def _small(pictures: Pictures, split: str) -> tuple[npt.NDArray[np.float64], Ints]:
    """Pictures (n, F) as means of blocks, and their labels (n,)."""
    rows, labels = pictures.rows(split), pictures.labels(split)
    places = np.unique(
        np.linspace(0, len(rows) - 1, min(MAX_PICTURES, len(rows))).round().astype(int)
    )
    blocks = [_blocks(pictures.all_pixels[row]) for row in rows[places]]
    return np.array(blocks).reshape(len(places), -1), labels[places]


def _blocks(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """One picture (S, S, C), its blocks averaged; pixels that fill no block are left out."""
    step = max(1, pixels.shape[0] // SIDE)
    side = pixels.shape[0] // step
    cut = pixels[: side * step, : side * step].reshape(side, step, -1)
    # One axis after the other, in whole numbers: the same as their mean, in a ninth of its time.
    rows = cut.sum(1, dtype=np.uint32).reshape(side, side, step, -1)
    return np.asarray(rows.sum(2) / step**2).ravel()
