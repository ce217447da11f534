"""The data sets there are: those that come with Lensmith, and your own.

To list and to describe reads a small file a set. ``resolve`` turns what a person wrote, a name or a
path, into a version of a data set, bringing its pictures in where that has not been done.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml.data.bringing import BUNDLED_NAMES, bring_in, bundled_facts
from ml.data.folders import BUNDLED
from ml.data.parallel import Progress
from ml.data.splits import split_indices
from ml.data.store import (
    DatasetVersion,
    dataset_names,
    latest,
    load_version,
    read_summary,
)
from ml.errors import BadInputError
from ml.workspace import Workspace


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
    """The bundled sets, then your own by name. One whose summary is damaged is left out."""
    own = [name for name in _own(workspace) if read_summary(workspace, name)]
    return [describe(workspace, name) for name in (*BUNDLED_NAMES, *own)]


def describe(workspace: Workspace, dataset: str) -> DatasetInfo:
    """What is known of a set by its name, without reading its pictures.

    Raises:
        BadInputError: there is no such set in the workspace.
    """
    if dataset in BUNDLED_NAMES:
        facts = bundled_facts(dataset)
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
    try:
        there = bool(dataset) and Path(dataset).expanduser().exists()
    except (OSError, RuntimeError, ValueError):  # no such user, too long, not a path at all
        there = False
    if not there:
        raise _unknown(workspace, dataset)
    return bring_in(workspace, Path(dataset), reuse=True, progress=progress).version


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
    names = ", ".join((*BUNDLED_NAMES, *_own(workspace)))
    return BadInputError(
        f"There is no data set and no folder named {dataset[:200]!r}. The data sets are: {names}."
    )


def _own(workspace: Workspace) -> list[str]:
    return [name for name in dataset_names(workspace) if name not in BUNDLED_NAMES]
