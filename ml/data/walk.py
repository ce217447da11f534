"""Looking through a folder of somebody else's: order, litter, names that cannot be shown."""

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ml.errors import BadInputError

MOST_BYTES = 256 * 1024 * 1024
"""A larger file is no picture, and is not read."""
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}
_JOINERS = "\u200c\u200d"
"""Invisible, and yet part of how Persian, Hindi and emoji are written."""


@dataclass(frozen=True)
class Entry:
    """A file of a source: the ``parts`` of its path in there, and how to ``read`` its bytes."""

    parts: tuple[str, ...]
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """The path, as it can be shown and stored."""
        return clean("/".join(self.parts))


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
        entries = [entry for entry in folder.iterdir() if not is_junk(entry.name)]
    except OSError as error:
        raise BadInputError(f"{folder} cannot be read: {error.strerror or error}.") from error
    return sorted(entries, key=lambda entry: natural(entry.name))


def files_below(folder: Path) -> list[Path]:
    """All files below a folder, in natural order. Links to folders are not followed."""
    found = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not is_junk(name)), key=natural)
        names = sorted((name for name in files if not is_junk(name)), key=natural)
        found += [path for name in names if (path := Path(where, name)).is_file()]
    return found


def folder_entries(folder: Path) -> list[Entry]:
    """All files below a folder, in natural order."""
    return [
        Entry(file.relative_to(folder).parts, partial(read_file, file))
        for file in files_below(folder)
    ]


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """In the order of ``files_below``: the files of a folder before the folders in it."""

    def key(entry: Entry) -> list[Any]:
        *folders, name = entry.parts
        return [*((1, natural(folder)) for folder in folders), (0, natural(name))]

    return sorted(entries, key=key)


def read_file(path: Path) -> bytes:
    """The bytes of a file that may be a picture. Raises BadInputError when it cannot be one."""
    try:
        with path.open("rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise BadInputError(f"The file is larger than {MOST_BYTES // 2**20} MB.")
            return file.read()
    except OSError as error:
        raise BadInputError(f"The file cannot be read: {error.strerror or error}.") from error


def clean(name: str) -> str:
    """A name that can be shown and stored: composed, without control characters or half letters."""
    whole = os.fsencode(name).decode("utf-8", "replace")
    shown = "".join(
        c if c.isprintable() or c in _JOINERS else "\N{REPLACEMENT CHARACTER}" for c in whole
    )
    return unicodedata.normalize("NFC", shown)


def signature(path: Path) -> str:
    """A hash of the names, sizes and times of all files below ``path``, without reading them."""
    digest = hashlib.sha256()
    for file in files_below(path) if path.is_dir() else [path]:
        facts = file.stat()
        line = f"{file.relative_to(path).as_posix()}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def is_junk(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or litter of a system."""
    return name.startswith(".") or name.casefold() in _JUNK
