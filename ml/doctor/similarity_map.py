"""A map on which pictures that look alike lie together: t-SNE of the bundled network's features.

van der Maaten and Hinton 2008. Its axes mean nothing, and neither do distances between far heaps.
"""

import time
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.pixels.parallel import Progress
from ml.data.store.versions import DatasetVersion
from ml.doctor.features import features_of
from ml.doctor.logistic_regression import project
from ml.doctor.stored_findings import keep, map_path
from ml.workspace import Workspace

COMPONENTS = 50
PERPLEXITY = 30.0
LEAST = 5
"""Fewer pictures are put on a line: there is nothing to map."""
MOST = 5000
"""So many are laid out by t-SNE; others lie with those that they are most like."""
STEPS = 500
"""Of its descent; by then what is alike lies together."""
NEIGHBOURS = 3
BLOCK = 2048


def draw_map(
    workspace: Workspace, version: DatasetVersion, progress: Progress = lambda share: None
) -> dict[str, Any]:
    """Draw the map of a version; what ``read_map`` gives afterwards.

    Raises:
        BadInputError: a picture is missing or damaged.
        MLError: the weights of the bundled network are not installed.
        WorkspaceError: the disk is full or cannot be written to.
    """
    began = time.monotonic()
    features = np.empty((0, 1), np.float32)
    if version.items:
        features = features_of(workspace, version, lambda share: progress(0.6 * share))
    placed = place(features)
    told = {
        "version": version.version,
        "fingerprint": version.fingerprint,
        "seconds": round(time.monotonic() - began, 1),
        "x": [round(float(x), 4) for x in placed[:, 0]],
        "y": [round(float(y), 4) for y in placed[:, 1]],
    }
    keep(map_path(workspace, version.name, version.version), told)
    progress(1.0)
    return told


def place(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A place (N, 2), 0 to 1, for each row of features; the same for the same features."""
    if len(features) < LEAST:
        line = np.linspace(0, 1, len(features), dtype=np.float32)
        return np.stack([line, np.full_like(line, 0.5)], axis=1)
    columns = project(features, COMPONENTS)
    chosen = np.arange(len(columns))
    if len(columns) > MOST:
        chosen = np.sort(np.random.default_rng(0).permutation(len(columns))[:MOST])
    laid = _lay_out(columns[chosen])
    if len(chosen) == len(columns):
        return laid
    placed = np.empty((len(columns), 2), np.float32)
    for start in range(0, len(columns), BLOCK):
        block = columns[start : start + BLOCK]
        apart = (columns[chosen] ** 2).sum(1) - 2 * block @ columns[chosen].T
        near = np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        placed[start : start + BLOCK] = np.median(laid[near], axis=1)
    placed[chosen] = laid
    return placed


def _lay_out(columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    perplexity = min(PERPLEXITY, (len(columns) - 1) / 3)
    # Equal pictures have no direction between them (where all are, scikit-learn 1.9 dies of a
    # segmentation fault); a trace of noise gives them one.
    columns = columns / max(float(columns.std()), 1e-6)
    noise = np.random.default_rng(0).normal(size=columns.shape) * 1e-4
    # In one thread: its threads spin while they wait, and on a busy computer never come to an end.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        layout = TSNE(perplexity=perplexity, init="pca", max_iter=STEPS, random_state=0)
        laid = layout.fit_transform((columns + noise).astype(np.float32))
    low, high = laid.min(0), laid.max(0)
    scaled: npt.NDArray[np.float32] = ((laid - low) / np.maximum(high - low, 1e-6)).astype("f4")
    return scaled
