"""What a classifier answered to labelled pictures, row by row: what every report is counted from.

Light: numpy alone.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.errors import BadInputError
from ml.utils.files import write_atomically

FILE = "predictions.npz"


@dataclass(frozen=True)
class Predictions:
    """Of n pictures ``indices`` (n,) their places in the version of the data set, ``labels`` (n,)
    class numbers of the model, ``logits`` (n, K) float32, ``hashes``, n names of pictures, and
    ``groups`` (n,), the numbers of their groups; None where each is its own, or where an earlier
    Lensmith did not note them."""

    indices: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32]
    hashes: tuple[str, ...]
    groups: npt.NDArray[np.int64] | None = None

    def save(self, path: Path) -> None:
        """Write it as a whole.

        Raises:
            WorkspaceError: the disk is full or cannot be written to.
        """
        columns: dict[str, Any] = {
            "indices": self.indices,
            "labels": self.labels,
            "logits": self.logits,
            "hashes": np.array(self.hashes, dtype="U64"),
        }
        if self.groups is not None:
            columns["groups"] = self.groups
        write_atomically(path, lambda file: np.savez(file, **columns))


def load(path: Path) -> Predictions:
    """What ``Predictions.save`` wrote.

    Raises:
        BadInputError: it is missing or damaged.
    """
    damaged = BadInputError(f"{path} is missing or damaged. Measure again to write it anew.")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as saved:
            answers = Predictions(
                saved["indices"].astype(np.int64),
                saved["labels"].astype(np.int64),
                saved["logits"].astype(np.float32),
                tuple(saved["hashes"].tolist()),
                saved["groups"].astype(np.int64) if "groups" in saved.files else None,
            )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise damaged from error
    lengths = {len(answers.indices), len(answers.labels), len(answers.logits), len(answers.hashes)}
    if answers.logits.ndim != 2 or answers.labels.ndim != 1 or len(lengths) > 1:
        raise damaged
    if answers.groups is not None and (
        answers.groups.shape != answers.labels.shape or answers.groups.min(initial=0) < 0
    ):
        raise damaged
    if not np.isfinite(answers.logits).all():
        raise damaged
    if len(answers.labels):
        low, high = int(answers.labels.min()), int(answers.labels.max())
        if low < 0 or high >= answers.logits.shape[1]:
            raise damaged
    return answers
