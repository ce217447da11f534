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

from ml.files import explain_os_error, read_json, write_json
from ml.status import STALE_SECONDS, identity, lives
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
    yield
    mark.unlink(missing_ok=True)  # after an error it stays: there may be orphans


def sweep(workspace: Workspace) -> tuple[int, int]:
    """Remove the orphans that are old enough: how many were removed, and how many are too young."""
    named, removed, young = _named(workspace), 0, 0
    since = time.time() - YOUNG_SECONDS
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
            if lives(_who(mark), mark.stat().st_mtime + FOREIGN_SECONDS - STALE_SECONDS):
                return
            if mark.stat().st_mtime < time.time() - YOUNG_SECONDS:
                ended.append(mark)
    if not ended:
        return
    try:
        _, young = sweep(workspace)
    except (OSError, ValueError, KeyError, TypeError):  # a damaged version: left for another day
        return
    for mark in ended if not young else ():
        mark.unlink(missing_ok=True)


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
