"""Pictures of a run as arrays of pixels and labels, by split, in the order of the items."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.pixels.cache import cached_pixels
from ml.data.pixels.parallel import Progress
from ml.data.pixels.pixels import Pixels, PixelSpec
from ml.data.splits.groups import group_ids
from ml.data.store.item_arrays import digests_of, excluded_of
from ml.data.store.versions import DatasetVersion, load_version
from ml.errors import BadInputError
from ml.workspace import Workspace

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run. ``all_pixels`` uint8 (pictures, S, S, C) is memory-mapped; a split is
    ``train``, ``val``, ``test``, ``pool`` (the first two) or ``all`` (every item of the version
    that is not excluded)."""

    version: DatasetVersion
    spec: PixelSpec
    all_pixels: Pixels
    item_rows: Indices
    splits: dict[str, Indices]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by label."""
        return self.version.classes

    def indices(self, split: str) -> Indices:
        """The items of a split: int64 (n,)."""
        return self.splits[split]

    def rows(self, split: str) -> Indices:
        """Where in ``all_pixels`` the pictures of a split are: int64 (n,)."""
        return self.item_rows[self.splits[split]]

    def pixels(self, split: str) -> Pixels:
        """uint8 (n, S, S, C): a view if the rows are consecutive, else a copy in memory."""
        rows = self.rows(split)
        if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            return self.all_pixels[rows[0] : rows[0] + len(rows)]
        return self.all_pixels[rows]

    def labels(self, split: str) -> Indices:
        """int64 (n,)."""
        return self.version.labels[self.splits[split]]

    def hashes(self, split: str) -> list[str]:
        """The SHA-256 of each picture."""
        return [self.version.items[n].hash for n in self.splits[split]]

    def groups(self, split: str) -> Indices | None:
        """The number of each picture's split group: int64 (n,); None where each is its own."""
        return group_ids(self.version.items, self.splits[split])

    def files(self, split: str) -> list[str]:
        """The original name of each picture."""
        return [self.version.items[n].file for n in self.splits[split]]


def open_pictures(
    workspace: Workspace,
    record: dict[str, Any],
    spec: PixelSpec,
    progress: Progress | None = None,
) -> Pictures:
    """The pictures that ``record`` (of ``catalog.run_record``) names, prepared for ``spec``.

    Raises:
        BadInputError: the data set is gone or is not what it was, or a picture is missing.
        WorkspaceError: the disk is full or cannot be written to.
    """
    version = load_version(workspace, record["name"], record["version"])
    if version.fingerprint != record["fingerprint"]:
        raise BadInputError(
            f"The data set {version.name} version {version.version} is not the one that this run "
            "was made with. Start a new run."
        )
    folder = workspace.datasets / version.name / "cache" / spec.key
    digests = digests_of(version.items)
    pixels, item_rows = cached_pixels(workspace, folder, digests, spec, progress)
    splits = {name: np.array(n, dtype=np.int64) for name, n in record["splits"].items()}
    if {"train", "val"} <= splits.keys():
        splits["pool"] = np.sort(np.concatenate([splits["train"], splits["val"]]))
    splits["all"] = np.flatnonzero(~excluded_of(version.items))
    return Pictures(version, spec, pixels, item_rows, splits)
