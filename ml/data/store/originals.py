"""The pictures of a workspace as they came: ``pictures/ab/abcd...``, by SHA-256, once each."""

import hashlib
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from ml.errors import BadInputError
from ml.utils.files import explain_os_error, write_atomically
from ml.workspace import Workspace

_FRESH_SECONDS = 60.0
_HASH = re.compile(r"[0-9a-f]{64}")


def picture_path(workspace: Workspace, digest: str) -> Path:
    """Where the picture with this SHA-256 is kept. Raises BadInputError for anything else."""
    if not _HASH.fullmatch(digest):
        raise BadInputError(f"{digest[:80]!r} does not name a picture.")
    return workspace.pictures / digest[:2] / digest


def read_picture(workspace: Workspace, digest: str) -> bytes:
    """The bytes of a picture as they came.

    Raises:
        BadInputError: it is gone or was changed.
    """
    try:
        data = picture_path(workspace, digest).read_bytes()
    except OSError as error:
        raise BadInputError(
            f"The picture {digest[:12]} is missing from {workspace.pictures}. Bring the data set "
            "in again."
        ) from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise BadInputError(
            f"The picture {digest[:12]} in {workspace.pictures} is damaged. Bring the data set in "
            "again."
        )
    return data


def write_picture(workspace: Workspace, data: bytes) -> str:
    """Keep a picture and return its SHA-256. One that is there already is left as it is.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    # This runs for every picture: strings instead of path objects, and few calls to the system.
    digest = hashlib.sha256(data).hexdigest()
    folder = f"{workspace.pictures}{os.sep}{digest[:2]}"
    path = f"{folder}{os.sep}{digest}"
    try:
        try:
            _create(path, data)
        except FileNotFoundError:
            Path(folder).mkdir(parents=True, exist_ok=True)
            _create(path, data)
    except FileExistsError:
        _keep(Path(path), data)
    except OSError as error:
        raise explain_os_error(error, Path(path)) from error
    return digest


def _create(path: str, data: bytes) -> None:
    """Write a new file under its own name at once: no version names it yet, so that nobody reads
    what a crash may leave of it, and the next to write this picture sees that it is not whole."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
    except OSError:
        os.ftruncate(handle, 0)  # not removed: the name may be another's by now, who has written it
        raise
    finally:
        os.close(handle)


def _keep(path: Path, data: bytes) -> None:
    """See to it that ``path``, which is there, holds ``data``."""
    with suppress(OSError):
        there = path.stat()
        if there.st_size == len(data) and path.read_bytes() == data:
            if there.st_mtime < time.time() - _FRESH_SECONDS:
                os.utime(path)  # wanted again: not to be swept before a version names it
            return

    def write(file: IO[bytes]) -> None:
        file.write(data)

    write_atomically(path, write)
