"""The OOD reference of a model: which training features it carries, its limit, and its file.

``ml.inference.ood`` scores pictures by it. Light: numpy alone.
"""

import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import BadInputError
from ml.inference.ood import MIN_GAP, NEIGHBOURS, Floats, OodReference, normalised
from ml.utils.files import write_atomically

FILE = "learned.npz"
OPTIONAL = ("gaps", "axes")
"""Columns that a model of an earlier Lensmith lacks."""
MAX_PICTURES = 4000
"""Training pictures whose features a model carries, spread evenly over all of them."""
MAX_BYTES = 8_000_000
"""Bytes of their features in the model's folder; of wide features fewer are carried."""
FALSE_ALARMS = 0.05
"""The share of in-distribution pictures that a model may call unlike."""
MIN_VALIDATION_PICTURES = math.ceil(1 / FALSE_ALARMS) - 1
"""With fewer, that share cannot be met, and the highest score among them is the limit."""
AXES_PER_CLASS, MIN_AXES, MAX_AXES = 2, 32, 256
"""How many principal directions are carried. Half or twice as many do nearly as well."""
METHOD = "local density, nearest class, energy and residual"


def carried_items(count: int, width: int) -> npt.NDArray[np.int64]:
    """Which of ``count`` training pictures with features (count, width) a model carries."""
    max_count = min(count, MAX_PICTURES, max(1, MAX_BYTES // (2 * max(1, width))))
    return np.unique(np.linspace(0, count - 1, max_count).round().astype(np.int64))


def fit(
    features: Floats,
    items: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    validation: Floats,
    logits: Floats,
) -> tuple[OodReference | None, dict[str, Any]]:
    """The reference of a model, and its summary for ``model.json``; None without pictures.

    Args:
        features: (n, F) of the pictures of ``carried_items``, with their items and labels (n,).
        validation, logits: (V, F) and (V, K); the limit is set on them, so that a picture like
            them is called unlike with a probability of about ``FALSE_ALARMS`` (a conformal
            quantile), if there are ``MIN_VALIDATION_PICTURES``.
    """
    if not len(features) or not len(validation):
        return None, {}
    known = _without_limit(features, items, labels, logits.shape[1])
    return _with_limit(known, known.measures(validation, logits))


def fit_out_of_fold(
    features: Floats,
    items: npt.NDArray[np.int64],
    labels: npt.NDArray[np.int64],
    folds: Sequence[npt.NDArray[np.int64]],
    logits: Floats,
) -> tuple[OodReference | None, dict[str, Any]]:
    """As ``fit``, with every picture on both sides: each is scored by a reference without its fold.

    Args:
        features, items, labels: (n, F), (n,) and (n,) of all pictures that the model learned from.
        folds: places (m,) in those rows.
        logits: (n, K), out-of-fold.
    """
    rows = carried_items(*features.shape)
    reference = _without_limit(features[rows], items[rows], labels[rows], logits.shape[1])
    measures = np.full((reference.count, len(features)), np.nan)
    for fold in folds:
        others = np.setdiff1d(rows, fold)
        if len(others):
            part = _without_limit(features[others], items[others], labels[others], logits.shape[1])
            measures[:, fold] = part.measures(features[fold], logits[fold])
    measured = ~np.isnan(measures[0])
    return _with_limit(reference, measures[:, measured]) if measured.any() else (None, {})


def _without_limit(
    features: Floats, items: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], classes: int
) -> OodReference:
    """A reference of pictures (n, F), whose measures are neither scaled nor limited yet."""
    # In half precision, as it will be read from its file.
    rounded = normalised(features).astype(np.float16).astype(np.float32)
    known = OodReference(rounded, items, labels, np.array([[0.0, 1.0]] * 4), math.inf)
    # One neighbour more, for each of them is nearest to itself.
    gaps = known.distances(rounded, min(NEIGHBOURS, len(rounded) - 1) + 1)
    axis_count = min(MAX_AXES, max(MIN_AXES, AXES_PER_CLASS * classes))
    axes = principal(rounded, axis_count).astype(np.float16).astype(np.float32)
    return replace(known, gaps=np.maximum(gaps, MIN_GAP).astype(np.float32), axes=axes)


def _with_limit(
    known: OodReference, measures: npt.NDArray[np.float64]
) -> tuple[OodReference, dict[str, Any]]:
    """The reference with the scale and limit that ``measures`` (4, V) of pictures like those ask
    for, and its summary."""
    spread = np.array([[one.mean(), one.std() or 1.0] for one in measures])
    known = replace(known, spread=spread)
    scores = np.sort(known.combined(measures))
    place = min(len(scores), math.ceil((len(scores) + 1) * (1 - FALSE_ALARMS)))
    limit = float(scores[place - 1])
    summary = {
        "method": METHOD,
        "neighbours": min(NEIGHBOURS, len(known.features)),
        "pictures": len(known.features),
        "limit": limit,
        "validation": len(scores),
        "beyond": int((scores > limit).sum()),
        "false_alarms": FALSE_ALARMS,
        "false_alarms_bound": false_alarm_bound(len(scores), place),
    }
    return replace(known, limit=limit), summary


def false_alarm_bound(count: int, place: int) -> float:
    """The upper 95 % bound of the share of pictures beyond the ``place``-th smallest of ``count``
    scores of pictures like them: that share is Beta(count + 1 - place, place) (Vovk 2012,
    "Conditional validity of inductive conformal predictors", https://arxiv.org/abs/1209.2673)."""
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    return float(betaincinv(count + 1 - place, place, 0.95))


def principal(rows: npt.NDArray[np.float32], max_count: int) -> npt.NDArray[np.float32]:
    """The first right singular vectors (d, F) of rows (n, F), as good as those of a whole
    decomposition, in a tenth of its time (Halko et al. 2011, "Finding Structure with Randomness",
    https://arxiv.org/abs/0909.4061). Of n rows at most n / 2, so that new ones can lie off them.
    """
    count = max(1, min(max_count, len(rows) // 2, rows.shape[1] // 2))
    width = min(2 * count, *rows.shape)
    basis = np.random.default_rng(0).standard_normal((rows.shape[1], width)).astype(np.float32)
    for _ in range(5):
        basis = np.linalg.qr(rows.T @ (rows @ basis))[0]
    components = np.linalg.svd(rows @ basis, full_matrices=False)[2]
    return np.asarray((components @ basis.T)[:count], np.float32)


def save(known: OodReference, path: Path) -> None:
    """Write it into ``path``; half precision is enough for distances.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    columns: dict[str, Any] = {
        "features": known.features.astype(np.float16),
        "items": known.items.astype(np.int32),
        "labels": known.labels.astype(np.int32),
        "spread": known.spread,
        "limit": np.float64(known.limit),
    }
    columns |= {} if known.gaps is None else {"gaps": known.gaps}
    columns |= {} if known.axes is None else {"axes": known.axes.astype(np.float16)}
    write_atomically(path, lambda file: np.savez(file, **columns))


def load(data: bytes, name: Path) -> OodReference:
    """What ``save`` wrote.

    Raises:
        BadInputError: it is something else.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as saved:
            features = saved["features"].astype(np.float32)
            items, labels = saved["items"].astype(np.int64), saved["labels"].astype(np.int64)
            spread, limit = saved["spread"].astype(np.float64), float(saved["limit"])
            more = {one: saved[one].astype(np.float32) for one in OPTIONAL if one in saved}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInputError(f"{name} cannot be read. Copy the model folder again.") from error
    known = OodReference(features, items, labels, spread, limit, **more)
    lengths = {len(one) for one in (features, items, labels, more.get("gaps", items))}
    consistent = features.ndim == 2 and len(features) and len(lengths) == 1
    consistent = consistent and more.get("axes", features).shape[1:] == features.shape[1:]
    if not consistent or spread.shape != (known.count, 2):
        raise BadInputError(f"{name} does not hold what it should. Copy the model folder again.")
    return known
