"""Looking through a folder of somebody else's: order, litter, names that cannot be shown."""

import hashlib
import os
import re
import unicodedata
from pathlib import Path
from typing import Any

from ml.errors import BadInputError

MOST_BYTES = 256 * 1024 * 1024
"""A larger file is no picture, and is not read."""
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}


def natural(name: str) -> tuple[Any, ...]:
    """A sort key that puts 10 after 9."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(part.isdecimal(), int(part) if part.isdecimal() else part) for part in parts], name


def visible(folder: Path) -> list[Path]:
    """What is in a folder, in natural order, without hidden things and systems' litter.

    Raises:
        BadInputError: it cannot be read.
    """
    try:
        entries = [entry for entry in folder.iterdir() if not _is_junk(entry.name)]
    except OSError as error:
        raise BadInputError(f"{folder} cannot be read: {error.strerror or error}.") from error
    return sorted(entries, key=lambda entry: natural(entry.name))


def files_below(folder: Path) -> list[Path]:
    """All files below a folder, in natural order. Links to folders are not followed."""
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not _is_junk(name)), key=natural)
        names = sorted((name for name in files if not _is_junk(name)), key=natural)
        found += [path for name in names if (path := Path(where, name)).is_file()]
    return found


def read_file(path: Path) -> bytes:
    """The bytes of a file that may be a picture. Raises BadInputError when it cannot be one."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInputError(f"The file is larger than {MOST_BYTES // 2**20} MB.")
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"The file cannot be read: {error.strerror or error}.") from error


def clean(name: str) -> str:
    """A name that can be shown and stored: composed, without control characters or half letters."""
    whole = os.fsencode(name).decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in whole)
    return unicodedata.normalize("NFC", shown)


def signature(folder: Path) -> str:
    """A hash of the names, sizes and times of all files below ``folder``, without reading them."""
    digest = hashlib.sha256()
    for file in files_below(folder):
        facts = file.stat()
        line = f"{file.relative_to(folder).as_posix()}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _JUNK
