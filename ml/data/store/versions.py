"""Immutable versions of data sets, over the pictures in ``ml.data.store.originals``.

``datasets/<name>/versions/<n>.json`` holds the items as columns; the SHA-256 of the file is the
version's fingerprint. ``<n>.summary.json`` beside it holds what a page shows, so that no page reads
70,000 items. The version file is written last: without it there is no such version. A version of
many items also has ``<n>.items``, a cache of packed items (``ml.data.store.packed_file``).
"""

import hashlib
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ml.data.store.file_types import IngestReport, Summary
from ml.data.store.item import SPLITS, Item
from ml.data.store.item_arrays import excluded_of, labels_of
from ml.data.store.originals import picture_path, read_picture, write_picture
from ml.data.store.packed_file import read_packed, write_packed
from ml.data.store.packer import pack
from ml.data.store.version_file import decoded, encoded_chunks
from ml.errors import BadInputError, WorkspaceError
from ml.utils.files import explain_os_error, sha256_of, write_atomically, write_json
from ml.utils.locks import LONG_STALE_SECONDS, LONG_WAIT_SECONDS, held
from ml.utils.typed_json import read_typed
from ml.workspace import Workspace

__all__ = [
    "SPLITS", "DatasetVersion", "Item", "dataset_folder", "dataset_lock", "dataset_names", "latest",
    "load_version", "picture_path", "read_picture", "read_report", "read_summary", "write_picture",
    "write_version",
]  # fmt: skip
MIN_PACKED_ITEMS = 10_000
"""Versions of at least so many items are packed, and stay on the disk."""


@dataclass(frozen=True)
class DatasetVersion:
    """One version: exactly which pictures under which labels.

    ``about`` has at least ``width`` and ``height`` (medians, pixels), ``colour`` (whether any
    picture has colours) and ``bytes`` (of all pictures).
    """

    name: str
    version: int
    classes: tuple[str, ...]
    items: Sequence[Item]
    fingerprint: str
    about: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        """How many items of each class are not excluded, in the order of the classes."""
        used_labels = labels_of(self.items)[~excluded_of(self.items)]
        counts = np.bincount(used_labels, minlength=len(self.classes)).tolist()
        return dict(zip(self.classes, counts, strict=True))

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The label of each item: int64 (items,)."""
        return labels_of(self.items)


def dataset_names(workspace: Workspace) -> list[str]:
    """The sorted names of the data sets that have a version."""
    names = (path.name for path in workspace.datasets.glob("[!.]*") if latest(workspace, path.name))
    return sorted(names)


def latest(workspace: Workspace, name: str) -> int:
    """The number of the newest version; 0 where there is none."""
    files = _versions(workspace, name).glob("*.json")
    return max((int(path.stem) for path in files if path.stem.isdecimal()), default=0)


def read_summary(workspace: Workspace, name: str, version: int | None = None) -> dict[str, Any]:
    """What a page shows of a version; empty where there is none.

    name, version, fingerprint, classes {name: count}, about, source; and, except in old versions,
    time (seconds since 1970), parent (the version it was made from, or 0), change (a sentence) and
    excluded (how many pictures are).
    """
    number = version or latest(workspace, name)
    return read_typed(_versions(workspace, name) / f"{number}.summary.json", Summary) or {}


def read_report(workspace: Workspace, name: str, version: int) -> dict[str, Any]:
    """The ingest report of a version: ``refused`` [{file, reason}] and ``notes`` [sentence]."""
    report = read_typed(_versions(workspace, name) / f"{version}.report.json", IngestReport)
    return report or {"refused": [], "notes": []}


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
    """Add a version, or return the newest where it holds the same items in the same order.

    Args:
        items: may be empty.
        source: where they come from: {path, signature}.
        report: the ingest report, as of ``read_report``.
        parent: the version that this one was made from, 0 for none.
        change: a sentence that says what is new since ``parent``.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    items = items if len(items) >= MIN_PACKED_ITEMS else tuple(items)
    digest = hashlib.sha256()
    for chunk in encoded_chunks(classes, items):
        digest.update(chunk)
    fingerprint = digest.hexdigest()
    number, newest_summary = latest(workspace, name), read_summary(workspace, name)
    unchanged = newest_summary.get("fingerprint") == fingerprint
    number = number if unchanged else number + 1
    version = DatasetVersion(name, number, classes, items, fingerprint, about)
    folder = _versions(workspace, name)
    history = {"time": round(time.time(), 3), "parent": parent, "change": change}
    if unchanged:
        history = {key: newest_summary.get(key, value) for key, value in history.items()}
    summary = {
        "name": name,
        "version": number,
        "fingerprint": fingerprint,
        "classes": version.counts,
        "about": about,
        "source": source or {},
        "excluded": int(excluded_of(items).sum()),
        **history,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    write_json(folder / f"{number}.report.json", report or {"refused": [], "notes": []})
    write_json(folder / f"{number}.summary.json", summary)
    if not unchanged:
        _write_items(folder, version)
    return version


def _write_items(folder: Path, version: DatasetVersion) -> None:
    """Write the packed items of a large version, and last the version file."""
    classes, items, number = version.classes, version.items, version.version

    def write(file: IO[bytes]) -> None:
        file.writelines(encoded_chunks(classes, items))

    with suppress(ValueError):  # items whose hash is no SHA-256 stay unpacked
        if len(items) >= MIN_PACKED_ITEMS:
            packed_path = folder / f"{number}.items"
            write_packed(packed_path, version.fingerprint, classes, pack(items, folder))
    write_atomically(folder / f"{number}.json", write)


def load_version(workspace: Workspace, name: str, version: int | None = None) -> DatasetVersion:
    """A version of a data set, by default the newest.

    Raises:
        BadInputError: there is no such version, or its file was changed.
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
    packed_path = path.with_suffix(".items")
    try:
        classes, items = read_packed(packed_path, fingerprint) or _parsed(
            path, packed_path, fingerprint
        )
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise BadInputError(f"{path} is damaged. Bring the data set in again.") from error
    return DatasetVersion(name, number, classes, items, fingerprint, summary["about"])


def _parsed(
    path: Path, packed_path: Path, fingerprint: str
) -> tuple[tuple[str, ...], Sequence[Item]]:
    """The classes and items of the version file ``path``; many are packed into ``packed_path``."""
    classes, rows = decoded(path.read_bytes())
    first_items = tuple(islice(rows, MIN_PACKED_ITEMS))
    if len(first_items) < MIN_PACKED_ITEMS:
        return classes, first_items
    try:
        packed = pack(chain(first_items, rows))
    except ValueError:  # a hash is no SHA-256
        return classes, tuple(decoded(path.read_bytes())[1])
    with suppress(WorkspaceError):  # a read-only folder: items are packed again at each load
        write_packed(packed_path, fingerprint, classes, packed)
    return read_packed(packed_path, fingerprint) or (classes, packed)


def dataset_folder(workspace: Workspace, name: str) -> Path:
    """The folder of a data set.

    Raises:
        BadInputError: ``name`` cannot be the name of a data set.
    """
    if not name or name in (".", "..") or {"/", "\\", "\0"} & set(name):
        raise BadInputError(f"{name!r} cannot be the name of a data set.")
    return workspace.datasets / name


def dataset_lock(
    workspace: Workspace, name: str, seconds: float = LONG_WAIT_SECONDS
) -> AbstractContextManager[None]:
    """The lock to hold while making a version of the data set. ``seconds`` is how long to wait for
    it; InUseError is raised then.

    Raises:
        BadInputError: ``name`` cannot be the name of a data set.
    """
    lock = dataset_folder(workspace, name).with_name(f".{name}.lock")
    return held(lock, seconds=seconds, stale=LONG_STALE_SECONDS)


def _versions(workspace: Workspace, name: str) -> Path:
    return dataset_folder(workspace, name) / "versions"
