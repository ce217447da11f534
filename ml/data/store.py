"""Immutable versions of data sets, over the pictures that ``ml.data.originals`` keeps.

``datasets/<name>/versions/<n>.json`` holds the items as columns; the SHA-256 of the file is the
version's fingerprint. ``<n>.summary.json`` beside it holds what a page shows, so that no page reads
70,000 items. The version file is written last: without it there is no such version.
"""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from ml.data.columns import SPLITS, Item, from_bytes, to_bytes
from ml.data.originals import picture_path, read_picture, write_picture
from ml.errors import BadInputError
from ml.files import explain_os_error, read_json, write_atomically, write_json
from ml.workspace import Workspace

__all__ = [
    "SPLITS", "DatasetVersion", "Item", "dataset_folder", "dataset_lock", "dataset_names", "latest",
    "load_version", "picture_path", "read_picture", "read_report", "read_summary", "write_picture",
    "write_version",
]  # fmt: skip


@dataclass(frozen=True)
class DatasetVersion:
    """Exactly which pictures under which labels. ``about`` has at least width and height (medians,
    pixels), ``colour`` and ``bytes`` (of all pictures)."""

    name: str
    version: int
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    fingerprint: str
    about: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """Items of each class that are not excluded, in the order of the classes."""
        found = Counter(item.label for item in self.items if not item.excluded)
        return {name: found[label] for label, name in enumerate(self.classes)}

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The label of each item: int64 (items,)."""
        return np.array([item.label for item in self.items], dtype=np.int64)


def dataset_names(workspace: Workspace) -> list[str]:
    """The names of the data sets that have a version."""
    found = (path.name for path in workspace.datasets.glob("[!.]*") if latest(workspace, path.name))
    return sorted(found)


def latest(workspace: Workspace, name: str) -> int:
    """The number of the newest version; 0 where there is none."""
    files = _versions(workspace, name).glob("*.json")
    return max((int(path.stem) for path in files if path.stem.isdecimal()), default=0)


def read_summary(workspace: Workspace, name: str, version: int | None = None) -> dict[str, Any]:
    """What a page shows of a version; empty where there is none.

    name, version, fingerprint, classes {name: count}, about, source; and, where this Lensmith wrote
    it, time (seconds since 1970), parent (the version it was made from, or 0), change (a sentence)
    and excluded (how many pictures are).
    """
    number = version or latest(workspace, name)
    found = read_json(_versions(workspace, name) / f"{number}.summary.json")
    return found if isinstance(found, dict) else {}


def read_report(workspace: Workspace, name: str, version: int) -> dict[str, Any]:
    """What ingest said of a version: ``refused`` [{file, reason}] and ``notes``."""
    found = read_json(_versions(workspace, name) / f"{version}.report.json")
    return found if isinstance(found, dict) else {"refused": [], "notes": []}


def write_version(
    workspace: Workspace,
    name: str,
    classes: tuple[str, ...],
    items: tuple[Item, ...],
    about: dict[str, Any],
    *,
    source: dict[str, Any] | None = None,
    report: dict[str, Any] | None = None,
    parent: int = 0,
    change: str = "",
) -> DatasetVersion:
    """Add a version, or return the newest where it holds the same pictures in the same order.

    ``source`` says where they come from ({path, signature}), ``report`` what ingest said,
    ``change`` in a sentence what is new since the version ``parent``. A version may be empty.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    content = to_bytes(classes, items)
    fingerprint = hashlib.sha256(content).hexdigest()
    number, known = latest(workspace, name), read_summary(workspace, name)
    same = known.get("fingerprint") == fingerprint
    number = number if same else number + 1
    made = DatasetVersion(name, number, classes, items, fingerprint, about)
    folder = _versions(workspace, name)
    summary = {"name": name, "version": number, "fingerprint": fingerprint}
    summary |= {"classes": made.counts, "about": about, "source": source or {}}
    summary["excluded"] = sum(item.excluded for item in items)
    history = {"time": round(time.time(), 3), "parent": parent, "change": change}
    summary |= {key: known.get(key, value) for key, value in history.items()} if same else history
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    write_json(folder / f"{number}.report.json", report or {"refused": [], "notes": []})
    write_json(folder / f"{number}.summary.json", summary)
    if not same:

        def write(file: IO[bytes]) -> None:
            file.write(content)

        write_atomically(folder / f"{number}.json", write)
    return made


def load_version(workspace: Workspace, name: str, version: int | None = None) -> DatasetVersion:
    """A version of a data set, the newest unless told.

    Raises:
        BadInputError: there is none, or its file was changed.
    """
    number = version or latest(workspace, name)
    path = _versions(workspace, name) / f"{number}.json"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"There is no data set {name}{f' version {version}' if version else ''} in "
            f"{workspace.root}. List them with: python -m ml datasets"
        ) from error
    summary = read_summary(workspace, name, number)
    fingerprint = hashlib.sha256(content).hexdigest()
    if summary.get("fingerprint") != fingerprint:
        raise BadInputError(f"{path} was changed or is damaged. Bring the data set in again.")
    classes, items = from_bytes(content)
    return DatasetVersion(name, number, classes, items, fingerprint, summary["about"])


def dataset_folder(workspace: Workspace, name: str) -> Path:
    """The folder of a data set. Raises BadInputError for what cannot be the name of one."""
    if not name or name in (".", "..") or {"/", "\\", "\0"} & set(name):
        raise BadInputError(f"{name!r} cannot be the name of a data set.")
    return workspace.datasets / name


def dataset_lock(workspace: Workspace, name: str, seconds: float = -1) -> FileLock:
    """Held by whoever makes a version of the data set. ``seconds`` is how long to wait for it, -1
    for ever.

    Raises:
        BadInputError: ``name`` cannot be the name of a data set.
    """
    folder = dataset_folder(workspace, name)
    return FileLock(folder.with_name(f".{name}.lock"), timeout=seconds)


def _versions(workspace: Workspace, name: str) -> Path:
    return dataset_folder(workspace, name) / "versions"
