"""Originals: the picture files of a workspace as they came, stored once by SHA-256 under
``pictures/ab/abcd...``."""

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

_TOUCH_AFTER_SECONDS = 60.0
_HASH = re.compile(r"[0-9a-f]{64}")


def picture_path(workspace: Workspace, digest: str) -> Path:
    """The path of the picture with the SHA-256 ``digest``.

    Raises:
        BadInputError: ``digest`` is no SHA-256 in lower case.
    """
    if not _HASH.fullmatch(digest):
        raise BadInputError(f"{digest[:80]!r} does not name a picture.")
    return workspace.pictures / digest[:2] / digest


def read_picture(workspace: Workspace, digest: str) -> bytes:
    """The bytes of a picture as they came.

    Raises:
        BadInputError: the file is missing or was changed.
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
    """Store a picture and return its SHA-256. An equal file that is stored already stays.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    # This runs for every picture: strings are faster than path objects, and system calls are few.
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
        _rewrite_if_damaged(Path(path), data)
    except OSError as error:
        raise explain_os_error(error, Path(path)) from error
    return digest


def _create(path: str, data: bytes) -> None:
    """Write a new file under its final name.

    No version names it yet, so nobody reads a half that a crash leaves; the next ``write_picture``
    of this picture rewrites it.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[os.write(handle, remaining) :]
    except OSError:
        os.ftruncate(handle, 0)  # not removed: another process may have rewritten the file by now
        raise
    finally:
        os.close(handle)


def _rewrite_if_damaged(path: Path, data: bytes) -> None:
    """Rewrite the existing file ``path`` where it does not hold ``data``."""
    with suppress(OSError):
        stat = path.stat()
        if stat.st_size == len(data) and path.read_bytes() == data:
            if stat.st_mtime < time.time() - _TOUCH_AFTER_SECONDS:
                os.utime(path)  # keep orphan removal away until a version names it
            return

    def write(file: IO[bytes]) -> None:
        file.write(data)

    write_atomically(path, write)
