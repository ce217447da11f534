"""Edits of a data set: a list of edits makes a new version and can be undone.

An edit is a JSON object: ``{"do": "relabel", "items": [3, 17], "label": "glass"}``. Item numbers
are those of the version that a list of edits is applied to, throughout the list.

- ``relabel`` items, label; ``exclude``, ``include``, ``delete`` items
- ``add_class``, ``remove_class`` name; ``rename_class`` old, new; ``merge_classes`` names, into;
  ``order_classes`` names
- ``set_groups`` groups (one, or null, per item); ``draw_test`` seed; ``set_split`` items, split

Only ``draw_test`` and ``set_split`` change the test set.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ml.data.edits.apply import Draft
from ml.data.edits.compare import compare
from ml.data.ingest.bring_in import BUNDLED_NAMES, slug
from ml.data.store.versions import (
    DatasetVersion,
    Item,
    dataset_lock,
    dataset_names,
    latest,
    load_version,
    picture_path,
    read_summary,
    write_version,
)
from ml.errors import BadInputError
from ml.utils.locks import InUseError
from ml.workspace import Workspace

__all__ = ["Edit", "apply", "commit", "compare", "create", "history", "restore"]

Edit = dict[str, Any]
LOCK_SECONDS = 10.0
EMPTY_ABOUT = {"width": 0, "height": 0, "colour": False, "bytes": 0}


def apply(
    version: DatasetVersion, edits: Sequence[Edit]
) -> tuple[tuple[str, ...], tuple[Item, ...], str]:
    """The classes and items of ``version`` after ``edits``, and what changed in sentences.

    Raises:
        BadInputError: an edit is not one of the kinds, or cannot be done.
    """
    draft = Draft(version.classes, version.items)
    for edit in edits:
        draft.change(edit)
    return draft.finish()


def commit(workspace: Workspace, name: str, edits: Sequence[Edit], *, base: int) -> DatasetVersion:
    """Apply ``edits`` to version ``base``, which must be the newest, as a new version.

    Where nothing changes, no version is made and the newest is returned.

    Raises:
        BadInputError: an edit cannot be done, or ``base`` is not the newest version.
        WorkspaceError: the disk is full or cannot be written to.
    """
    with _exclusive(workspace, name):
        newest = latest(workspace, name)
        if newest and newest != base:
            raise BadInputError(
                f"{name} was changed meanwhile: version {newest} is the newest, not {base}. Look "
                "again, then change it."
            )
        old = load_version(workspace, name)
        classes, items, change = apply(old, edits)
        return _write(workspace, old, classes, items, _about(workspace, old, items), change)


def create(workspace: Workspace, name: str, classes: Sequence[str] = ()) -> DatasetVersion:
    """Make an empty data set with ``classes``.

    Raises:
        BadInputError: the name is taken, or a class name is not allowed.
    """
    name = slug(name)
    with _exclusive(workspace, name):
        if name in BUNDLED_NAMES or name in dataset_names(workspace):
            raise BadInputError(f"There is a data set {name} already. Choose another name.")
        draft = Draft((), ())
        for label in classes:
            draft.change({"do": "add_class", "name": label})
        class_names, items, _ = draft.finish()
        return write_version(
            workspace, name, class_names, items, dict(EMPTY_ABOUT), change="An empty set made."
        )


def restore(workspace: Workspace, name: str, version: int) -> DatasetVersion:
    """Make a new version that equals an older one.

    Raises:
        BadInputError: there is no such version.
        WorkspaceError: the disk is full or cannot be written to.
    """
    with _exclusive(workspace, name):
        newest, old = load_version(workspace, name), load_version(workspace, name, version)
        change = f"Back to version {version}."
        return _write(workspace, newest, old.classes, old.items, old.about, change)


def history(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    """A row for each version, the newest first: version, time (seconds since 1970, or None),
    change, parent, classes {name: count}, excluded, fingerprint."""
    summaries = [read_summary(workspace, name, n) for n in range(latest(workspace, name), 0, -1)]
    defaults = {"time": None, "change": "", "parent": 0, "excluded": 0}
    keys = ("version", "time", "change", "parent", "classes", "excluded", "fingerprint")
    complete = ({**defaults, **summary} for summary in summaries if "fingerprint" in summary)
    return [{key: summary[key] for key in keys} for summary in complete]


def _write(
    workspace: Workspace,
    old: DatasetVersion,
    classes: tuple[str, ...],
    items: Sequence[Item],
    about: dict[str, Any],
    change: str,
) -> DatasetVersion:
    if (classes, items) == (old.classes, old.items):
        return old
    source = read_summary(workspace, old.name, old.version).get("source")
    return write_version(
        workspace, old.name, classes, items, about, source=source, parent=old.version, change=change
    )


def _about(workspace: Workspace, old: DatasetVersion, items: Sequence[Item]) -> dict[str, Any]:
    """``about`` with the bytes of deleted pictures taken off. The medians stay: they would hardly
    move."""
    if not items:
        return {**old.about, **EMPTY_ABOUT}
    deleted = {item.hash for item in old.items} - {item.hash for item in items}
    size = 0
    for digest in deleted:
        try:
            size += picture_path(workspace, digest).stat().st_size
        except OSError:  # lost already
            continue
    return {**old.about, "bytes": max(0, old.about["bytes"] - size)}


@contextmanager
def _exclusive(workspace: Workspace, name: str) -> Iterator[None]:
    """Hold the lock of the data set."""
    try:
        with dataset_lock(workspace, name, LOCK_SECONDS):
            yield
    except InUseError as error:
        raise BadInputError(
            f"Pictures are being brought into {name}. Change it when that is done."
        ) from error
