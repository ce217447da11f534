"""Feature cache: features by picture hash, in a folder of parts. Light: numpy alone.

A part is an array beside the hashes of its rows, added in one step.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.utils.files import write_atomically, write_json
from ml.utils.typed_json import read_typed


class FeatureStore:
    """Features (F,) float32 by picture hash, in ``folder``, for one view."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._places: dict[str, tuple[int, int]] = {}
        self._parts: list[npt.NDArray[np.float32]] = []
        for path in sorted(folder.glob("*.json")):
            try:
                hashes = read_typed(path, list[str]) or []
                array = np.load(path.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError):
                continue  # a part that cannot be read is computed again
            if array.ndim == 2 and len(array) == len(hashes):
                self._index(hashes, array)

    def _index(self, hashes: Sequence[str], array: npt.NDArray[np.float32]) -> None:
        part = len(self._parts)
        self._parts.append(array)
        self._places.update({picture: (part, row) for row, picture in enumerate(hashes)})

    @property
    def width(self) -> int:
        """F; 0 where there are no features yet."""
        return int(self._parts[0].shape[1]) if self._parts else 0

    def missing(self, hashes: Sequence[str]) -> list[str]:
        """Those of ``hashes`` that have no features yet, each once, in their order."""
        return [item for item in dict.fromkeys(hashes) if item not in self._places]

    def add(self, hashes: Sequence[str], features: npt.NDArray[np.float32]) -> None:
        """Keep features (N, F). The list of hashes is written last: with it the part is whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{secrets.token_hex(8)}.npy"
        write_atomically(path, lambda file: np.save(file, features))
        write_json(path.with_suffix(".json"), list(hashes))
        self._index(hashes, features)

    def get(self, hashes: Sequence[str]) -> npt.NDArray[np.float32]:
        """Features (N, F). Raises KeyError for a picture that has none."""
        places = np.array([self._places[item] for item in hashes], dtype=np.int64).reshape(-1, 2)
        features = np.empty((len(hashes), self.width), np.float32)
        for part in np.unique(places[:, 0]):
            in_part = places[:, 0] == part
            features[in_part] = self._parts[part][places[in_part, 1]]
        return features
