"""Walking a folder of files: natural order, system files left out, the signature of its content."""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any
from unicodedata import decimal

from ml.data.sources.entries import Entry, Files, Parts, clean
from ml.errors import BadInputError

__all__ = [
    "MAX_FILE_BYTES", "Entry", "clean", "files_below", "folder_entries", "has_many", "in_order",
    "is_junk", "natural", "read_file", "signature", "signed_entries", "visible",
]  # fmt: skip
MAX_FILE_BYTES = 256 * 1024 * 1024
"""A larger file is no picture, and is not read."""
_DIGITS = re.compile(r"(\d+)")
_JUNK = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"}


def natural(name: str) -> str:
    """A sort key that puts 10 after 9.

    Numbers compare by their count of digits first. Names that differ in case or leading zeros alone
    compare as they are.
    """
    key = ""
    for n, part in enumerate(_DIGITS.split(name.casefold())):
        if n % 2:
            plain = part if part.isascii() else "".join(str(decimal(c)) for c in part)
            digits = plain.lstrip("0")
            key += f"{len(digits):05}{digits}"
        else:
            key += f"{part}\0"  # no letter comes before it
    return f"{key}\0{name}"


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
    paths = (f"{where}{os.sep}{name}" for _, where, names in _walk(folder) for name in names)
    return [Path(path) for path in paths if _facts(path)]


def _walk(folder: Path) -> Iterator[tuple[Parts, str, list[str]]]:
    """The parts of each folder below ``folder``, its path and the names in it, in order."""
    for where, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not is_junk(name)), key=natural)
        names = sorted((name for name in files if not is_junk(name)), key=natural)
        yield Path(where).relative_to(folder).parts, where, names


def folder_entries(folder: Path) -> Files:
    """All files below a folder, in natural order."""
    return signed_entries(folder)[0]


def signed_entries(folder: Path) -> tuple[Files, str]:
    """``folder_entries`` and ``signature`` from looking once."""
    files, digest = Files(read_file), hashlib.sha256()
    for parts, where, names in _walk(folder):
        files.add_folder(where, parts)
        below = "".join(f"{part}/" for part in parts)
        for name in names:
            if facts := _facts(f"{where}{os.sep}{name}"):
                files.add(name)
                _sign(digest, below + name, facts)
    return files, digest.hexdigest()


def _facts(path: str) -> os.stat_result | None:
    """The ``stat`` of a regular file, else None. It takes strings: a path object for each of a
    hundred thousand files takes seconds."""
    with suppress(OSError):  # gone meanwhile, or a link to nothing
        facts = os.stat(path)  # noqa: PTH116 (no object for each)
        if stat.S_ISREG(facts.st_mode):
            return facts
    return None


def has_many(folder: Path, count: int) -> bool:
    """Whether a folder and the folders in it have at least ``count`` entries: a quick estimate that
    goes one level deep."""
    entry_count = 0
    with suppress(OSError, ValueError):  # a null is in no path
        for inside in (folder, *(one for one in folder.iterdir() if one.is_dir())):
            with os.scandir(inside) as entries:
                entry_count += sum(1 for _ in islice(entries, count))
            if entry_count >= count:
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
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise BadInputError(f"The file is larger than {MAX_FILE_BYTES // 2**20} MB.")
            return file.read()
    except OSError as error:
        raise BadInputError(f"The file cannot be read: {error.strerror or error}.") from error


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
