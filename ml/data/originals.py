"""The pictures of a workspace as they came: ``pictures/ab/abcd...``, by SHA-256, once each."""

import hashlib
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path

from ml.errors import BadInputError
from ml.files import explain_os_error
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
    with suppress(OSError):  # mostly it is not there yet
        there = os.stat(path)  # noqa: PTH116
        if there.st_size == len(data) and Path(path).read_bytes() == data:
            if there.st_mtime < time.time() - _FRESH_SECONDS:
                os.utime(path)  # wanted again: not to be swept before a version names it
            return digest
    beside = f"{folder}{os.sep}.{digest}.{secrets.token_hex(4)}.part"
    try:
        try:
            _write(beside, data)
        except FileNotFoundError:
            Path(folder).mkdir(parents=True, exist_ok=True)
            _write(beside, data)
        os.replace(beside, path)  # noqa: PTH105
    except OSError as error:
        Path(beside).unlink(missing_ok=True)
        raise explain_os_error(error, Path(path)) from error
    return digest


def _write(path: str, data: bytes) -> None:
    """As ``write_bytes``, with half the calls to the system."""
    handle = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666
    )
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)
