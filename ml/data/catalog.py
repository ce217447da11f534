"""The data sets there are: those that come with Lensmith, and your own.

To list and to describe reads a small file a set. ``resolve`` turns what a person wrote, a name or a
path, into a version of a data set, bringing its pictures in where that has not been done.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from ml.data.folders import BUNDLED
from ml.data.ingest import Ingested, ingest
from ml.data.splits import split_indices
from ml.data.store import (
    DatasetVersion,
    dataset_names,
    latest,
    load_version,
    picture_path,
    read_summary,
)
from ml.data.walk import signature
from ml.errors import BadInputError
from ml.files import read_json
from ml.workspace import Workspace

BUNDLED_NAMES = ("recycling", "hands", "fashion")
_WINDOWS_NAMES = {"con", "prn", "aux", "nul"}
Progress = Callable[[float], None]


@dataclass(frozen=True)
class DatasetInfo:
    """What a page shows of a data set. ``kind`` is ``bundled`` or ``own``; width and height are
    medians in pixels; ``ready`` says that the pictures are in the workspace already."""

    name: str
    title: str
    kind: str
    pictures: int
    classes: tuple[str, ...]
    width: int
    height: int
    colour: bool
    description: str
    licence: str
    ready: bool
    counts: dict[str, int] = field(default_factory=dict)


def list_datasets(workspace: Workspace) -> list[DatasetInfo]:
    """The bundled sets, then your own by name."""
    own = [name for name in dataset_names(workspace) if name not in BUNDLED_NAMES]
    return [describe(workspace, name) for name in (*BUNDLED_NAMES, *own)]


def describe(workspace: Workspace, dataset: str) -> DatasetInfo:
    """What is known of a set by its name, without reading its pictures.

    Raises:
        BadInputError: there is no such set in the workspace.
    """
    if dataset in BUNDLED_NAMES:
        facts = _bundled_facts(dataset)
        ready = latest(workspace, dataset) > 0
        return _info(dataset, "bundled", facts["classes"], facts, ready)
    summary = read_summary(workspace, dataset) if dataset in dataset_names(workspace) else {}
    if not summary:
        raise _unknown(workspace, dataset)
    return _info(dataset, "own", summary["classes"], summary["about"], True)


def resolve(workspace: Workspace, dataset: str, progress: Progress | None = None) -> DatasetVersion:
    """The newest version of the data set that ``dataset`` names: a name, or the path of a folder.

    A folder is brought in at its first use and again when its files have changed.

    Raises:
        BadInputError: there is no such set, or the folder cannot be used.
    """
    if dataset in BUNDLED_NAMES:
        return bring_in(workspace, BUNDLED / dataset, reuse=True, progress=progress).version
    if dataset in dataset_names(workspace):
        return load_version(workspace, dataset)
    if not dataset or not Path(dataset).expanduser().exists():
        raise _unknown(workspace, dataset)
    return bring_in(workspace, Path(dataset), reuse=True, progress=progress).version


def bring_in(
    workspace: Workspace,
    path: Path,
    name: str | None = None,
    *,
    reuse: bool = False,
    progress: Progress | None = None,
) -> Ingested:
    """Ingest the folder ``path``, under ``name`` or one made from the folder's.

    With ``reuse``, a folder whose files have the names, sizes and times they had is not read again.

    Raises:
        BadInputError: the name is taken, or the folder cannot be used.
    """
    path = path.expanduser().resolve()
    bundled = path.parent == BUNDLED
    key = f"bundled:{path.name}" if bundled else str(path)
    name = _name_for(workspace, path, key, name)
    mark = _bundled_facts(name)["sha256"] if bundled else signature(path)
    source = {"path": key, "signature": mark}
    with FileLock(workspace.datasets / f".{name}.lock"):
        summary = read_summary(workspace, name)
        if reuse and summary.get("source") == source:
            version = load_version(workspace, name)
            if picture_path(workspace, version.items[0].hash).exists():
                return Ingested(version, [], [])
        return ingest(workspace, path, name, source=source, progress=progress)


def run_record(version: DatasetVersion, split_seed: int) -> dict[str, Any]:
    """What a run keeps of its data: exactly which items train, validate and test."""
    splits = {name: found.tolist() for name, found in split_indices(version, split_seed).items()}
    return {
        "name": version.name,
        "version": version.version,
        "fingerprint": version.fingerprint,
        "split_seed": split_seed,
        "classes": list(version.classes),
        "about": version.about,
        "counts": {name: len(indices) for name, indices in splits.items()},
        "splits": splits,
    }


def slug(name: str) -> str:
    """A name that every file system takes: lower case, letters, digits, ``-`` and ``_``."""
    plain = unicodedata.normalize("NFKC", name).lower()
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in plain).strip("-")[:60]
    return f"{kept}-set" if kept in _WINDOWS_NAMES else kept or "pictures"


def _name_for(workspace: Workspace, path: Path, key: str, wanted: str | None) -> str:
    if key.startswith("bundled:"):
        return path.name
    sources = {
        name: read_summary(workspace, name).get("source", {}).get("path")
        for name in dataset_names(workspace)
    }
    if wanted is not None:
        name = slug(wanted)
        if name in BUNDLED_NAMES or sources.get(name, key) != key:
            raise BadInputError(
                f"There is a data set {name} already, from other pictures. Choose another name."
            )
        return name
    known = [name for name, origin in sources.items() if origin == key]
    if known:
        return known[0]
    base = slug(path.name)
    taken = {*sources, *BUNDLED_NAMES}
    free = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken) + 2))
    return next(name for name in free if name not in taken)


@cache
def _bundled_facts(name: str) -> dict[str, Any]:
    facts = read_json(BUNDLED / name / "about.json")
    if not isinstance(facts, dict):
        raise BadInputError(f"The bundled set {name} is damaged. Install Lensmith again.")
    return facts


def _info(
    name: str, kind: str, counts: dict[str, int], about: dict[str, Any], ready: bool
) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        title=about.get("title", name),
        kind=kind,
        pictures=sum(counts.values()),
        classes=tuple(counts),
        width=about["width"],
        height=about["height"],
        colour=about["colour"],
        description=about.get("description", ""),
        licence=about.get("licence", ""),
        ready=ready,
        counts=dict(counts),
    )


def _unknown(workspace: Workspace, dataset: str) -> BadInputError:
    names = ", ".join((*BUNDLED_NAMES, *sorted(set(dataset_names(workspace)) - {*BUNDLED_NAMES})))
    return BadInputError(
        f"There is no data set and no folder named {dataset!r}. The data sets are: {names}."
    )
