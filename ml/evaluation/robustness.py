"""Robustness: accuracy of a trained classifier under common corruptions, measured on its exported
file.

Light: pages read what was measured; numpy and ONNX Runtime come when something is.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.errors import BadInputError
from ml.runs.folder import Run
from ml.utils.files import read_json, write_json
from ml.workspace import Workspace

if TYPE_CHECKING:
    from ml.data.augment.corruptions import Corruption

FORMAT_VERSION = 1
"""Raised when the corruptions change: what was measured with others does not compare."""
MAX_PICTURES = 1000
"""Test pictures that are taken at most: 41 versions of each are classified."""

Progress = Callable[[float], None]


def path_of(run: Run) -> Path:
    """Where the measurement of a run is kept."""
    return run.folder / "reports" / "robustness.json"


def read(run: Run) -> dict[str, Any] | None:
    """What was measured of the model that ``run`` has now; None where nothing was.

    See ``measure`` for what is in it.
    """
    stored = read_json(path_of(run))
    if not isinstance(stored, dict) or stored.get("measure") != FORMAT_VERSION:
        return None
    model = ((run.model or {}).get("sha256") or {}).get("model.onnx")
    return stored if model and stored.get("model_sha256") == model else None


def measure(
    workspace: Workspace,
    run: Run,
    progress: Progress = lambda fraction: None,
    *,
    split: str = "test",
    max_pictures: int = MAX_PICTURES,
) -> dict[str, Any]:
    """Accuracy of ``run`` on its test pictures as they are and under each corruption.

    ``clean`` with ``clean_interval``; ``corrupted``, the mean over all kinds and strengths;
    ``kinds`` [{``name``, ``label``, ``help``, ``unit``, ``levels``, ``accuracy`` (five, the weakest
    first), ``mean``}]; ``pictures``. With the test split it is kept in ``reports/robustness.json``.

    Args:
        progress: called with the share done (0 to 1); may raise to stop.
        max_pictures: at most so many pictures are taken, evenly spread over the split.

    Raises:
        BadInputError: the run has no model, its pictures are gone, or it has none in ``split``.
    """
    import numpy as np

    from ml.data.augment.corruptions import STRENGTHS, kinds
    from ml.data.run_pictures import open_pictures
    from ml.data.splits.groups import group_ids
    from ml.inference.classifier import Classifier
    from ml.metrics.classification import share_interval

    started = time.perf_counter()
    classifier = Classifier.load(run.folder / "model")
    pictures = open_pictures(workspace, run.dataset, classifier.spec)
    labels = pictures.labels(split)
    if not len(labels):
        raise BadInputError(f"Run {run.name} has no {split} pictures to measure on.")
    spread = np.linspace(0, len(labels) - 1, min(max_pictures, len(labels)))
    places = np.unique(spread.round().astype(int))
    pixels, labels = pictures.pixels(split)[places], labels[places]
    groups = group_ids(pictures.version.items, pictures.indices(split)[places])
    hashes = [pictures.hashes(split)[place] for place in places]
    total, done = 1 + STRENGTHS * len(kinds()), 0

    def hits(shown: Any) -> Any:
        """Whether each picture (n,) is recognised."""
        nonlocal done
        logits = classifier.logits(shown, lambda share: progress((done + share) / total))
        done += 1
        return logits.argmax(1) == labels

    def accuracy(corrupted: Any) -> float:
        return float(hits(corrupted).mean())

    clean_hits = hits(pixels)
    hashed_pictures = list(zip(pixels, hashes, strict=True))
    per_kind = [_of_kind(kind, hashed_pictures, accuracy) for kind in kinds()]
    progress(1.0)
    report = {
        "measure": FORMAT_VERSION,
        "run": run.id,
        "model_sha256": classifier.manifest["sha256"].get("model.onnx"),
        "fingerprint": run.dataset.get("fingerprint"),
        "split": split,
        "pictures": len(labels),
        "clean": float(clean_hits.mean()),
        "clean_interval": list(share_interval(clean_hits, groups)),
        "corrupted": float(np.mean([row["mean"] for row in per_kind])),
        "kinds": per_kind,
        "seconds": time.perf_counter() - started,
    }
    if split == "test":
        path_of(run).parent.mkdir(exist_ok=True)
        write_json(path_of(run), report)
    return report


def _of_kind(
    kind: "Corruption", hashed_pictures: Sequence[tuple[Any, str]], accuracy: Callable[[Any], float]
) -> dict[str, Any]:
    """The row of one kind of corruption: its accuracy at each strength, and the mean."""
    import numpy as np

    from ml.data.augment.corruptions import STRENGTHS

    by_level = [
        accuracy(np.stack([kind(picture, strength, digest) for picture, digest in hashed_pictures]))
        for strength in range(1, STRENGTHS + 1)
    ]
    return {
        "name": kind.name,
        "label": kind.label,
        "help": kind.help,
        "unit": kind.unit,
        "levels": list(kind.levels),
        "accuracy": by_level,
        "mean": float(np.mean(by_level)),
    }


def comparable(reports: Sequence[dict[str, Any]]) -> bool:
    """Whether these were measured on the same pictures, so that a difference means something."""
    return len({(one["fingerprint"], one["split"], one["pictures"]) for one in reports}) <= 1
