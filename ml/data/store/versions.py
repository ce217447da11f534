"""Immutable versions of data sets, over the pictures that ``ml.data.store.originals`` keeps.

``datasets/<name>/versions/<n>.json`` holds the items as columns; the SHA-256 of the file is the
version's fingerprint. ``<n>.summary.json`` beside it holds what a page shows, so that no page reads
70,000 items. The version file is written last: without it there is no such version. Beside one of
many items, ``<n>.items`` holds them again as they are used (``ml.data.store.packed_file``).
"""

import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from ml.data.store.item import SPLITS, Item
from ml.data.store.item_arrays import excluded_of, labels_of
from ml.data.store.originals import picture_path, read_picture, write_picture
from ml.data.store.packed_file import read_packed, write_packed
from ml.data.store.packer import pack
from ml.data.store.version_file import from_bytes, pieces
from ml.errors import BadInputError, WorkspaceError
from ml.utils.files import explain_os_error, read_json, sha256_of, write_atomically, write_json
from ml.workspace import Workspace

__all__ = [
    "SPLITS", "DatasetVersion", "Item", "dataset_folder", "dataset_lock", "dataset_names", "latest",
    "load_version", "picture_path", "read_picture", "read_report", "read_summary", "write_picture",
    "write_version",
]  # fmt: skip
MANY = 10_000
"""From so many items on they are packed, and stay on the disk."""


@dataclass(frozen=True)
class DatasetVersion:
    """Exactly which pictures under which labels. ``about`` has at least width and height (medians,
    pixels), ``colour`` and ``bytes`` (of all pictures)."""

    name: str
    version: int
    classes: tuple[str, ...]
    items: Sequence[Item]
    fingerprint: str
    about: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """Items of each class that are not excluded, in the order of the classes."""
        kept = labels_of(self.items)[~excluded_of(self.items)]
        found = np.bincount(kept, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, found, strict=True))

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The label of each item: int64 (items,)."""
        return labels_of(self.items)


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
    items: Sequence[Item],
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
    items = items if len(items) >= MANY else tuple(items)
    digest = hashlib.sha256()
    for piece in pieces(classes, items):
        digest.update(piece)
    fingerprint = digest.hexdigest()
    number, known = latest(workspace, name), read_summary(workspace, name)
    same = known.get("fingerprint") == fingerprint
    number = number if same else number + 1
    made = DatasetVersion(name, number, classes, items, fingerprint, about)
    folder = _versions(workspace, name)
    summary = {"name": name, "version": number, "fingerprint": fingerprint}
    summary |= {"classes": made.counts, "about": about, "source": source or {}}
    summary["excluded"] = int(excluded_of(items).sum())
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
            file.writelines(pieces(classes, items))

        with suppress(ValueError):  # names that are no hashes stay as they are
            if len(items) >= MANY:
                write_packed(folder / f"{number}.items", fingerprint, classes, pack(items, folder))
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
        fingerprint = sha256_of(path)
    except OSError as error:
        raise BadInputError(
            f"There is no data set {name}{f' version {version}' if version else ''} in "
            f"{workspace.root}. List them with: python -m ml datasets"
        ) from error
    summary = read_summary(workspace, name, number)
    if summary.get("fingerprint") != fingerprint:
        raise BadInputError(f"{path} was changed or is damaged. Bring the data set in again.")
    beside = path.with_suffix(".items")
    classes, items = read_packed(beside, fingerprint) or _parsed(path, beside, fingerprint)
    return DatasetVersion(name, number, classes, items, fingerprint, summary["about"])


def _parsed(path: Path, beside: Path, fingerprint: str) -> tuple[tuple[str, ...], Sequence[Item]]:
    """The classes and items of a version's file, packed ``beside`` it where they are many."""
    classes, rows = from_bytes(path.read_bytes())
    some = tuple(islice(rows, MANY))
    if len(some) < MANY:
        return classes, some
    try:
        packed = pack(chain(some, rows))
    except ValueError:  # names that are no hashes
        return classes, tuple(from_bytes(path.read_bytes())[1])
    with suppress(WorkspaceError):  # a folder that is only read: it is made again each time
        write_packed(beside, fingerprint, classes, packed)
    return read_packed(beside, fingerprint) or (classes, packed)


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
