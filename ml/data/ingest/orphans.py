"""Orphans: pictures that no version names, left by interrupted ingests, and their removal.

An ingest has a marker file in ``datasets/.ingests`` until its version is written. A marker of an
ended process says that there may be orphans. They are removed while no ingest runs, since a running
one may count on a stored picture.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ml.errors import WorkspaceError
from ml.runs.status import STALE_SECONDS, identity, lives
from ml.utils.files import explain_os_error, read_json, write_json
from ml.utils.locks import held
from ml.utils.typed_json import parse_json
from ml.workspace import Workspace

MIN_ORPHAN_AGE_SECONDS = 3600
"""Younger orphans stay: a cancelled ingest that is tried again needs them."""
MAX_FOREIGN_INGEST_SECONDS = 24 * 3600
"""An older marker of another computer counts as ended."""


@contextmanager
def ingest_marker(workspace: Workspace) -> Iterator[None]:
    """Mark a running ingest, whose pictures no version names yet. Removes old orphans first.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    folder = workspace.datasets / ".ingests"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    mark = folder / f"{secrets.token_hex(8)}.json"
    with held(folder / ".gate.lock"):
        _remove_if_needed(workspace, folder)
        write_json(mark, identity())
    try:
        yield
    except WorkspaceError:  # on a full disk, remove what this ingest wrote
        mark.unlink(missing_ok=True)
        with held(folder / ".gate.lock"):
            if not any(_is_running(other) for other in folder.glob("*.json")):
                _try_to_remove(workspace, -1)
        raise
    mark.unlink(missing_ok=True)  # after any other error the marker stays, for the next ingest


def remove_orphans(workspace: Workspace, age: float | None = None) -> tuple[int, int]:
    """Remove orphans of at least ``age`` seconds, by default ``MIN_ORPHAN_AGE_SECONDS``.

    Returns:
        How many were removed, and how many are too young.
    """
    named_hashes, removed, young = _named_hashes(workspace), 0, 0
    newest_removed = time.time() - (MIN_ORPHAN_AGE_SECONDS if age is None else age)
    unnamed = [
        path
        for path in workspace.pictures.glob("[0-9a-f][0-9a-f]/*")
        if path.name not in named_hashes  # partly written pictures (.part) too
    ]
    for path in (*unnamed, *_unnamed_caches(workspace)):
        with suppress(OSError):
            if path.stat().st_mtime < newest_removed:
                path.unlink()
                removed += 1
            else:
                young += 1
    return removed, young


def _remove_if_needed(workspace: Workspace, folder: Path) -> None:
    ended_marks = []
    for mark in folder.glob("*.json"):
        with suppress(OSError):
            if _is_running(mark):
                return
            if mark.stat().st_mtime < time.time() - MIN_ORPHAN_AGE_SECONDS:
                ended_marks.append(mark)
    if not ended_marks:
        return
    if _try_to_remove(workspace) == 0:
        for mark in ended_marks:
            mark.unlink(missing_ok=True)


def _try_to_remove(workspace: Workspace, age: float | None = None) -> int:
    """Remove orphans: how many are left, or -1 where a version cannot be read."""
    try:
        return remove_orphans(workspace, age)[1]
    except (OSError, ValueError, KeyError, TypeError):
        return -1


def _is_running(mark: Path) -> bool:
    """Whether the ingest of the marker is running."""
    try:
        last_sign = mark.stat().st_mtime + MAX_FOREIGN_INGEST_SECONDS - STALE_SECONDS
    except OSError:  # it has just ended
        return False
    return lives(_read_object(mark), last_sign)


def _read_object(mark: Path) -> dict[str, Any]:
    content = read_json(mark, {})
    return content if isinstance(content, dict) else {}


def _named_hashes(workspace: Workspace) -> set[str]:
    """The hashes that any version of any data set names.

    Raises:
        ValueError, OSError or KeyError: a version cannot be read, so its pictures are not known.
    """
    hashes: set[str] = set()
    for path in workspace.datasets.glob("*/versions/*.json"):
        if path.stem.isdecimal():
            hashes.update(parse_json(path.read_bytes())["hash"])
    return hashes


def _unnamed_caches(workspace: Workspace) -> Iterator[Path]:
    """Files of cached pixels that no index names."""
    for path in workspace.datasets.glob("*/cache/*/*-*.npy"):
        token = _read_object(path.with_name("index.json")).get("token")
        if path.stem.rpartition("-")[2] != token:
            yield path
