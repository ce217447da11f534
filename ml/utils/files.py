"""Atomic files: a crash while writing leaves the old file or the new one, never half of one."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ml.errors import WorkspaceError
from ml.utils.typed_json import parse_json

PIECES_PER_WRITE = 4096
"""JSON tokens that are joined before they are written."""
ON_WINDOWS = os.name == "nt"
REPLACE_SECONDS = 2.0
"""How long to wait for readers to close a file that is to be replaced (on Windows alone)."""


def explain_os_error(error: OSError, path: Path) -> WorkspaceError:
    """The sentence for a failed write to ``path``."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkspaceError(
            f"The disk is full, so {path.name} could not be written. Free some space and try again."
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return WorkspaceError(
            f"The folder {path.parent} cannot be written to. Choose another workspace with "
            "--workspace or LENSMITH_WORKSPACE, or change its permissions."
        )
    return WorkspaceError(f"{path} could not be written: {error.strerror or error}. Try again.")


def write_atomically(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Call ``write`` with a file beside ``path``, flush it to the disk, and move it into place.

    Raises:
        WorkspaceError: the disk is full or the folder cannot be written to; ``path`` is untouched.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with beside.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        _replace(beside, path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):  # gone already, or nothing can be changed here
            beside.unlink()


def move_into_place(beside: Path, path: Path) -> None:
    """Flush ``beside`` to the disk and give it the name ``path``, in one step.

    Raises:
        OSError: the disk is full or the folder cannot be written to; ``path`` is untouched.
    """
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    _replace(beside, path)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON in one step. Not-a-number is refused: JSON has none."""
    encoder = json.JSONEncoder(ensure_ascii=False, indent=1, allow_nan=False)

    def write(file: IO[bytes]) -> None:
        pieces = encoder.iterencode(value)  # in chunks: a run may name millions of pictures
        while text := "".join(islice(pieces, PIECES_PER_WRITE)):
            file.write(encode_json(text))

    write_atomically(path, write)


def read_json(path: Path, default: Any = None) -> Any:
    """The JSON value in ``path``; ``default`` where there is no such file or it cannot be read."""
    try:
        return parse_json(path.read_bytes())
    except (OSError, ValueError):
        return default


def encode_json(text: str) -> bytes:
    """JSON as UTF-8. A file name that is no Unicode has lone surrogates, which become escapes."""
    return text.encode("utf-8", "backslashreplace")


def _replace(source: Path, target: Path) -> None:
    """``os.replace``, which on Windows fails while somebody reads the target: there, try again."""
    deadline = time.monotonic() + REPLACE_SECONDS
    while True:
        try:
            source.replace(target)
            return
        except PermissionError:
            if not ON_WINDOWS or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
