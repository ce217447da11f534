"""Spool: uploads written to ``<workspace>/incoming/<token>/`` for a child to read.

Names come from strangers. Each part is made one that every file system takes, and nothing leaves
the folder.
"""

import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ml.data.file_names import free_path, safe_path
from ml.utils.files import explain_os_error
from ml.workspace import Workspace

ABANDONED_SECONDS = 24 * 3600


def incoming(workspace: Workspace) -> Path:
    """Where uploads wait for their child."""
    return workspace.root / "incoming"


def stage(workspace: Workspace, files: Iterable[tuple[str, bytes | memoryview]]) -> Path:
    """Write ``files`` (name, which may have folders in it, and content) into a new folder.

    Raises:
        WorkspaceError: the disk is full or cannot be written to; nothing is left behind.
    """
    _sweep(workspace)
    folder = incoming(workspace) / secrets.token_hex(8)
    taken: set[str] = set()
    try:
        for name, data in files:
            path = folder / free_path(safe_path(name), taken)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise explain_os_error(error, folder) from error
    return folder


class Spool:
    """A folder in there for files that come one by one. It goes with this object, and so with the
    tab whose session holds it.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """

    def __init__(self, workspace: Workspace) -> None:
        _sweep(workspace)
        try:
            incoming(workspace).mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(dir=incoming(workspace)))
        except OSError as error:
            raise explain_os_error(error, incoming(workspace)) from error
        self.close = weakref.finalize(self, shutil.rmtree, self.folder, True)
        """Removes the folder at once."""

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Keep a file under a name of ours. Raises WorkspaceError as the class does."""
        path = self.folder / name
        try:
            path.write_bytes(data)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise explain_os_error(error, path) from error


def _sweep(workspace: Workspace) -> None:
    """Remove what a closed server left behind."""
    with suppress(OSError):
        for folder in incoming(workspace).iterdir():
            if folder.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
