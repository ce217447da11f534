"""What a model carries of the pictures that it learned from: chosen, with a limit, kept in a file.

``ml.inference.ood`` tells by it whether a picture is unlike them. Light: numpy alone.
"""

import io
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import BadInputError
from ml.inference.ood import LEAST_GAP, NEIGHBOURS, Floats, Known, normalised
from ml.utils.files import write_atomically

FILE = "learned.npz"
OPTIONAL = ("gaps", "axes")
"""Columns that a model of an earlier Lensmith lacks."""
MOST = 4000
"""Pictures whose features a model carries, spread evenly over those that it learned from."""
MOST_BYTES = 8_000_000
"""What their features may take in the model's folder; of wide features fewer are kept."""
FALSE_ALARMS = 0.05
"""How many pictures of the kind that it knows a model may call unlike them."""
ENOUGH = math.ceil(1 / FALSE_ALARMS) - 1
"""On fewer validation pictures that share cannot be met, and the farthest of them is the limit."""
AXES_OF_A_CLASS, LEAST_AXES, MOST_AXES = 2, 32, 256
"""Directions in which the features differ most. Half or twice as many tell nearly as well."""
METHOD = "local density, nearest class, energy and residual"


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
    known = Known(kept, items, labels, np.array([[0.0, 1.0]] * 4), math.inf)
    # Of those themselves, the nearest of all is their own.
    gaps = known.distances(kept, min(NEIGHBOURS, len(kept) - 1) + 1)
    many = min(MOST_AXES, max(LEAST_AXES, AXES_OF_A_CLASS * logits.shape[1]))
    axes = principal(kept, many).astype(np.float16).astype(np.float32)
    known = replace(known, gaps=np.maximum(gaps, LEAST_GAP).astype(np.float32), axes=axes)
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


def principal(rows: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    """The first right singular vectors (d, F) of rows (n, F), as good as those of a whole
    decomposition, in a tenth of its time (Halko et al. 2011, "Finding Structure with Randomness",
    https://arxiv.org/abs/0909.4061). Of n rows at most n / 2, so that new ones can lie off them.
    """
    count = max(1, min(most, len(rows) // 2, rows.shape[1] // 2))
    wide = min(2 * count, *rows.shape)
    found = np.random.default_rng(0).standard_normal((rows.shape[1], wide)).astype(np.float32)
    for _ in range(5):
        found = np.linalg.qr(rows.T @ (rows @ found))[0]
    turned = np.linalg.svd(rows @ found, full_matrices=False)[2]
    return np.asarray((turned @ found.T)[:count], np.float32)


def save(known: Known, path: Path) -> None:
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


def load(data: bytes, name: Path) -> Known:
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
    known = Known(features, items, labels, spread, limit, **more)
    lengths = {len(one) for one in (features, items, labels, more.get("gaps", items))}
    whole = features.ndim == 2 and len(features) and len(lengths) == 1
    whole = whole and more.get("axes", features).shape[1:] == features.shape[1:]
    if not whole or spread.shape != (known.count, 2):
        raise BadInputError(f"{name} does not hold what it should. Copy the model folder again.")
    return known
