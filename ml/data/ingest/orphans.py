"""Removes what interrupted ingests left behind: pictures that no version names.

While pictures are brought in, a file in ``datasets/.ingests`` says so. It goes when the version is
written; one whose process has ended says that there may be orphans. They are removed when nobody
is bringing anything in, so that no ingest finds a picture there that is gone a moment later.
"""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from ml.errors import WorkspaceError
from ml.runs.status import STALE_SECONDS, identity, lives
from ml.utils.files import explain_os_error, read_json, write_json
from ml.workspace import Workspace

YOUNG_SECONDS = 3600
"""Files younger than this are left: whoever was cancelled may try again and find them."""
FOREIGN_SECONDS = 24 * 3600
"""How long an ingest on another computer is taken to go on."""


@contextmanager
def taking_in(workspace: Workspace) -> Iterator[None]:
    """Hold this while pictures are written that no version names yet. Sweeps before it begins.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    folder = workspace.datasets / ".ingests"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    mark = folder / f"{secrets.token_hex(8)}.json"
    with FileLock(folder / ".gate.lock"):
        _sweep_if_needed(workspace, folder)
        write_json(mark, identity())
    try:
        yield
    except WorkspaceError:  # a disk that this has filled is not left full
        mark.unlink(missing_ok=True)
        with FileLock(folder / ".gate.lock"):
            if not any(_alive(other) for other in folder.glob("*.json")):
                _try_to_sweep(workspace, -1)
        raise
    mark.unlink(missing_ok=True)  # after any other error it stays: there may be orphans


def sweep(workspace: Workspace, age: float | None = None) -> tuple[int, int]:
    """Remove the orphans of at least ``age`` seconds (``YOUNG_SECONDS``): how many were removed,
    and how many are too young."""
    named, removed, young = _named(workspace), 0, 0
    since = time.time() - (YOUNG_SECONDS if age is None else age)
    loose = [
        path
        for path in workspace.pictures.glob("[0-9a-f][0-9a-f]/*")
        if path.name not in named  # halves of pictures (.part) too
    ]
    for path in (*loose, *_unnamed_caches(workspace)):
        with suppress(OSError):
            if path.stat().st_mtime < since:
                path.unlink()
                removed += 1
            else:
                young += 1
    return removed, young


def _sweep_if_needed(workspace: Workspace, folder: Path) -> None:
    ended = []
    for mark in folder.glob("*.json"):
        with suppress(OSError):
            if _alive(mark):
                return
            if mark.stat().st_mtime < time.time() - YOUNG_SECONDS:
                ended.append(mark)
    if not ended:
        return
    if _try_to_sweep(workspace) == 0:
        for mark in ended:
            mark.unlink(missing_ok=True)


def _try_to_sweep(workspace: Workspace, age: float | None = None) -> int:
    """How many orphans are left; -1 where a damaged version stands in the way."""
    try:
        return sweep(workspace, age)[1]
    except (OSError, ValueError, KeyError, TypeError):
        return -1


def _alive(mark: Path) -> bool:
    """Whether the ingest that made the mark goes on."""
    try:
        heard = mark.stat().st_mtime + FOREIGN_SECONDS - STALE_SECONDS
    except OSError:  # it has just ended
        return False
    return lives(_who(mark), heard)


def _who(mark: Path) -> dict[str, Any]:
    found = read_json(mark, {})
    return found if isinstance(found, dict) else {}


def _named(workspace: Workspace) -> set[str]:
    """The hashes that any version of any data set names. A version that cannot be read stops the
    sweep: what it names is not known."""
    named: set[str] = set()
    for path in workspace.datasets.glob("*/versions/*.json"):
        if path.stem.isdecimal():
            named.update(json.loads(path.read_bytes())["hash"])
    return named


def _unnamed_caches(workspace: Workspace) -> Iterator[Path]:
    """Prepared pixels that no index names."""
    for path in workspace.datasets.glob("*/cache/*/*-*.npy"):
        token = _who(path.with_name("index.json")).get("token")
        if path.stem.rpartition("-")[2] != token:
            yield path
