"""The similarity map: t-SNE of the bundled network's features, alike pictures together.

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
from ml.doctor.logistic_regression import principal_components
from ml.doctor.stored_findings import map_path, write_content
from ml.workspace import Workspace

PCA_COMPONENTS = 50
PERPLEXITY = 30.0
MIN_PICTURES_FOR_TSNE = 5
"""Fewer pictures are put on a line."""
MAX_PICTURES_FOR_TSNE = 5000
"""A random sample of this size is laid out; the others lie at their nearest neighbours."""
TSNE_ITERATIONS = 500
"""Of gradient descent; by then alike pictures lie together."""
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
    positions = map_positions(features)
    content = {
        "version": version.version,
        "fingerprint": version.fingerprint,
        "seconds": round(time.monotonic() - began, 1),
        "x": [round(float(x), 4) for x in positions[:, 0]],
        "y": [round(float(y), 4) for y in positions[:, 1]],
    }
    write_content(map_path(workspace, version.name, version.version), content)
    progress(1.0)
    return content


def map_positions(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Positions (N, 2), 0 to 1, of features (N, F); the same for the same features."""
    if len(features) < MIN_PICTURES_FOR_TSNE:
        line = np.linspace(0, 1, len(features), dtype=np.float32)
        return np.stack([line, np.full_like(line, 0.5)], axis=1)
    columns = principal_components(features, PCA_COMPONENTS)
    chosen = np.arange(len(columns))
    if len(columns) > MAX_PICTURES_FOR_TSNE:
        chosen = np.sort(np.random.default_rng(0).permutation(len(columns))[:MAX_PICTURES_FOR_TSNE])
    tsne_positions = _tsne(columns[chosen])
    if len(chosen) == len(columns):
        return tsne_positions
    positions = np.empty((len(columns), 2), np.float32)
    for start in range(0, len(columns), BLOCK):
        block = columns[start : start + BLOCK]
        distances = (columns[chosen] ** 2).sum(1) - 2 * block @ columns[chosen].T
        nearest = np.argpartition(distances, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        positions[start : start + BLOCK] = np.median(tsne_positions[nearest], axis=1)
    positions[chosen] = tsne_positions
    return positions


def _tsne(columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
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
        layout = TSNE(perplexity=perplexity, init="pca", max_iter=TSNE_ITERATIONS, random_state=0)
        positions = layout.fit_transform((columns + noise).astype(np.float32))
    low, high = positions.min(0), positions.max(0)
    scaled: npt.NDArray[np.float32] = ((positions - low) / np.maximum(high - low, 1e-6)).astype(
        "f4"
    )
    return scaled
