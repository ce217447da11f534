"""Looking through a folder of somebody else's: order, litter, names that cannot be shown."""

import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from ml.errors import BadInputError

MOST_BYTES = 256 * 1024 * 1024
"""A larger file is no picture, and is not read."""
_DIGITS = re.compile(r"(\d+)")
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
    parts = _DIGITS.split(name.casefold())
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
    return [Path(path) for _, path, _ in _walk(folder)]


def _walk(folder: Path) -> Iterator[tuple[tuple[str, ...], str, os.stat_result]]:
    """The parts below ``folder``, the path and the facts of each file, as ``files_below`` says.

    Plain strings: a path object for each of a hundred thousand files takes seconds.
    """
    for where, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not is_junk(name)), key=natural)
        names = sorted((name for name in files if not is_junk(name)), key=natural)
        parts = Path(where).relative_to(folder).parts
        for name in names:
            with suppress(OSError):  # gone meanwhile, or a link to nothing
                path = f"{where}{os.sep}{name}"
                facts = os.stat(path)  # noqa: PTH116 (no object for each)
                if stat.S_ISREG(facts.st_mode):
                    yield (*parts, name), path, facts


def folder_entries(folder: Path) -> list[Entry]:
    """All files below a folder, in natural order."""
    return signed_entries(folder)[0]


def signed_entries(folder: Path) -> tuple[list[Entry], str]:
    """``folder_entries`` and ``signature`` from looking once."""
    entries, digest = [], hashlib.sha256()
    for parts, path, facts in _walk(folder):
        entries.append(Entry(parts, partial(read_file, path)))
        _sign(digest, "/".join(parts), facts)
    return entries, digest.hexdigest()


def has_many(folder: Path, count: int) -> bool:
    """Whether a folder or a folder in it has so many entries: a quick look, for no more than a
    guess."""
    found = 0
    with suppress(OSError):
        for inside in (folder, *(one for one in folder.iterdir() if one.is_dir())):
            with os.scandir(inside) as entries:
                found += sum(1 for _ in islice(entries, count))
            if found >= count:
                return True
    return False


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """In the order of ``files_below``: the files of a folder before the folders in it."""

    def key(entry: Entry) -> list[Any]:
        *folders, name = entry.parts
        return [*((1, natural(folder)) for folder in folders), (0, natural(name))]

    return sorted(entries, key=key)


def read_file(path: Path | str) -> bytes:
    """The bytes of a file that may be a picture. Raises BadInputError when it cannot be one."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (a string: no object is made)
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
    if path.is_dir():
        return signed_entries(path)[1]
    digest = hashlib.sha256()
    _sign(digest, ".", path.stat())
    return digest.hexdigest()


def _sign(digest: Any, name: str, facts: os.stat_result) -> None:
    line = f"{name}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
    digest.update(line.encode("utf-8", "surrogateescape"))


def is_junk(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or litter of a system."""
    return name.startswith(".") or name.casefold() in _JUNK
