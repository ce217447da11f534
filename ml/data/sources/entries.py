"""Entries: the files of a source, held compactly (12 bytes and the name for each)."""

import os
import unicodedata
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import overload

Parts = tuple[str, ...]
_BLOCK = 1024
_JOINERS = "\u200c\u200d"
"""Invisible, and yet part of how Persian, Hindi and emoji are written."""


@dataclass(frozen=True)
class Entry:
    """A file of a source: the ``parts`` of its path in there, and how to ``read`` its bytes."""

    parts: Parts
    read: Callable[[], bytes]

    @property
    def name(self) -> str:
        """The path, as it can be shown and stored."""
        return clean("/".join(self.parts))


class Files(Sequence[Entry]):
    """A sequence of ``Entry`` made on access: a file takes 12 bytes and its name, an ``Entry``
    about 600.

    Args:
        read: what reads a file by its path.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._names, self._starts, self._in = bytearray(), array("q", [0]), array("i")
        self._folders: list[tuple[str, Parts]] = []

    def add_folder(self, where: str, parts: Parts) -> None:
        """Start the folder at the path ``where``, whose parts below the source are ``parts``: files
        that are added afterwards lie in it."""
        self._folders.append((where, parts))

    def add(self, name: str) -> None:
        """Add a file."""
        self._names += name.encode("utf-8", "surrogatepass")
        self._starts.append(len(self._names))
        self._in.append(len(self._folders) - 1)

    def __len__(self) -> int:
        return len(self._in)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        """A file, or several as a list."""
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        n = range(len(self))[index]
        name = self._names[self._starts[n] : self._starts[n + 1]].decode("utf-8", "surrogatepass")
        return self._entry(self._in[n], name)

    def __iter__(self) -> Iterator[Entry]:
        for folder, name in self._rows():
            yield self._entry(folder, name)

    def parts(self) -> Iterator[Parts]:
        """The parts of each file."""
        for folder, name in self._rows():
            yield (*self._folders[folder][1], name)

    def _rows(self) -> Iterator[tuple[int, str]]:
        for start in range(0, len(self), _BLOCK):
            ends = self._starts[start : start + _BLOCK + 1]
            names = (self._names[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(ends))
            yield from zip(self._in[start : start + _BLOCK], names, strict=True)

    def _entry(self, folder: int, name: str) -> Entry:
        where, parts = self._folders[folder]
        return Entry((*parts, name), partial(self._read, f"{where}{os.sep}{name}"))


def parts_of(entries: Sequence[Entry]) -> Iterator[Parts]:
    """The parts of each entry."""
    return entries.parts() if isinstance(entries, Files) else (one.parts for one in entries)


def clean(name: str) -> str:
    """A name that can be shown and stored: composed, without control characters or half letters."""
    valid = os.fsencode(name).decode("utf-8", "replace")
    shown = "".join(
        c if c.isprintable() or c in _JOINERS else "\N{REPLACEMENT CHARACTER}" for c in valid
    )
    return unicodedata.normalize("NFC", shown)
