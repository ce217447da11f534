"""Uploads put on disk for a child to read: ``<workspace>/incoming/<token>/``.

Names come from strangers. Each part is made one that every file system takes, and nothing leaves
the folder.
"""

import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ml.files import explain_os_error
from ml.workspace import Workspace

MOST_BYTES = 180
"""How long a part of a name may be: file systems take 255, some leave less."""
ABANDONED_SECONDS = 24 * 3600
_UNWANTED = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_WINDOWS = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


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
            path = folder / _free(safe_path(name), taken)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise explain_os_error(error, folder) from error
    return folder


def safe_path(name: str) -> PurePosixPath:
    """The path inside the staging folder for a file that calls itself ``name``.

    >>> str(safe_path("../pets\\\\cat/1?.png"))
    'pets/cat/1_.png'
    """
    parts = (_safe(part) for part in name.replace("\\", "/").split("/"))
    kept = [part for part in parts if part]
    return PurePosixPath(*kept) if kept else PurePosixPath("file")


def _safe(part: str) -> str:
    clean = _UNWANTED.sub(
        "_", unicodedata.normalize("NFC", part).encode("utf-8", "replace").decode()
    )
    if not clean.strip(". "):  # nothing, or this folder, or the one above
        return ""
    clean = clean.strip().rstrip(". ")
    if _WINDOWS.fullmatch(clean):
        clean = f"_{clean}"
    stem, dot, suffix = clean.rpartition(".")
    if not stem or len(suffix) > 10:
        stem, dot, suffix = clean, "", ""
    room = MOST_BYTES - len((dot + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + suffix


def _free(path: PurePosixPath, taken: set[str]) -> PurePosixPath:
    """``path``, with a number where that name is taken, by its case too."""
    number, found = 2, path
    while str(found).casefold() in taken:
        found = path.with_name(f"{path.stem} ({number}){path.suffix}")
        number += 1
    taken.add(str(found).casefold())
    return found


def _sweep(workspace: Workspace) -> None:
    """Remove what a closed server left behind."""
    with suppress(OSError):
        for folder in incoming(workspace).iterdir():
            if folder.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
