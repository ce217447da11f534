"""Catalog of the data sets: the bundled ones and your own.

Listing and describing read one small file a data set. ``resolve`` turns a name or a path into a
version of a data set, and brings its pictures in if necessary.
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ml.data.ingest.bring_in import BUNDLED_NAMES, bring_in, bundled_facts
from ml.data.ingest.prefetch_pixels import PixelsFor
from ml.data.pixels.parallel import Progress
from ml.data.sources import hub_registry
from ml.data.sources.folders import BUNDLED
from ml.data.splits.splits import split_indices
from ml.data.store.versions import (
    DatasetVersion,
    dataset_names,
    latest,
    load_version,
    picture_path,
    read_summary,
)
from ml.errors import BadInputError
from ml.utils.paths import exists, expanded
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
    own = [name for name in _own_names(workspace) if read_summary(workspace, name)]
    return [describe(workspace, name) for name in (*BUNDLED_NAMES, *own)]


def describe(workspace: Workspace, dataset: str) -> DatasetInfo:
    """The description of a data set, read without its pictures.

    Raises:
        BadInputError: there is no such set in the workspace.
    """
    exists = dataset in BUNDLED_NAMES or dataset in dataset_names(workspace)
    summary = read_summary(workspace, dataset) if exists else {}
    if dataset in BUNDLED_NAMES:
        facts = bundled_facts(dataset)
        if not summary:
            return _info(dataset, "bundled", facts["classes"], facts, False)
        about = {**facts, **summary["about"]}  # as it is now: it may have been edited
        return _info(dataset, "bundled", summary["classes"], about, True)
    if not summary:
        raise _unknown_error(workspace, dataset)
    return _info(dataset, "own", summary["classes"], summary["about"], True)


def resolve(
    workspace: Workspace,
    dataset: str,
    progress: Progress | None = None,
    *,
    pixels_for: PixelsFor | None = None,
) -> DatasetVersion:
    """The newest version of the data set that ``dataset`` names: a name, or the path of a folder.

    A folder is brought in at its first use and again when its files have changed; a bundled set
    only once, so that what was edited in it stays. A set of a hub is looked for on the disk,
    and downloaded where it is not there. See ``ingest`` for ``pixels_for``.

    Raises:
        BadInputError: there is no such set, the folder cannot be used, or there is no network.
    """
    take_in = partial(bring_in, workspace, reuse=True, progress=progress, pixels_for=pixels_for)
    if dataset in BUNDLED_NAMES:
        if latest(workspace, dataset):
            version = load_version(workspace, dataset)
            if not version.items or picture_path(workspace, version.items[0].hash).exists():
                return version
        return take_in(BUNDLED / dataset).version
    if dataset in dataset_names(workspace):
        return load_version(workspace, dataset)
    if hub_registry.find(dataset):
        return take_in(dataset).version
    try:
        is_path = bool(dataset) and exists(expanded(dataset))
    except BadInputError:  # of a user that there is not
        is_path = False
    if not is_path:
        raise _unknown_error(workspace, dataset)
    return take_in(Path(dataset)).version


def run_record(version: DatasetVersion, split_seed: int) -> dict[str, Any]:
    """The data record of a run: exactly which items train, validate and test.

    Raises:
        BadInputError: fewer than two classes, a class without pictures, or an empty split.
    """
    _check_classes(version)
    splits = {name: side.tolist() for name, side in split_indices(version, split_seed).items()}
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


def unsplit_record(version: DatasetVersion) -> dict[str, Any]:
    """A data record without splits, to evaluate all pictures of a version."""
    identity = {
        "name": version.name,
        "version": version.version,
        "fingerprint": version.fingerprint,
    }
    return {**identity, "classes": list(version.classes), "splits": {}}


def _check_classes(version: DatasetVersion) -> None:
    empty = [name for name, count in version.counts.items() if not count]
    filled = len(version.classes) - len(empty)
    if filled < 2:
        raise BadInputError(
            f"A model tells classes apart, and {version.name} has pictures of "
            f"{'one class' if filled else 'none'}. Add pictures of another."
        )
    if empty:
        raise BadInputError(
            f"There are no pictures of {', '.join(empty)} in {version.name}. Add some, or remove "
            f"{'the class' if len(empty) == 1 else 'these classes'}."
        )


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


def _unknown_error(workspace: Workspace, dataset: str) -> BadInputError:
    names = ", ".join((*BUNDLED_NAMES, *_own_names(workspace)))
    return BadInputError(
        f"There is no data set and no folder named {dataset[:200]!r}. The data sets are: {names}."
    )


def _own_names(workspace: Workspace) -> list[str]:
    return [name for name in dataset_names(workspace) if name not in BUNDLED_NAMES]
