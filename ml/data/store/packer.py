"""Items into columns, one by one, in little memory: what is many goes to temporary files."""

import json
import tempfile
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from ml.data.store.item import SPLITS, Item
from ml.data.store.packed_items import Array, Packed
from ml.utils.files import explain_os_error

SPILL = 16_384
"""Rows that are held before they are written."""
_CODES: dict[str | None, int] = {None: -1} | {name: n for n, name in enumerate(SPLITS)}


class Spool:
    """A column of numbers that is written to a file without a name as it grows.

    Args:
        code: the kind of number, as of ``array``.
        folder: where the file is made; without one, all is held.
    """

    def __init__(self, code: str, folder: Path | None) -> None:
        self.held, self._folder = array(code), folder
        self._file: IO[bytes] | None = None

    def add(self, number: int) -> None:
        """Append a number, and write what is held where it is much."""
        self.held.append(number)
        if len(self.held) >= SPILL:
            self.spill()

    def spill(self) -> None:
        """Write what is held.

        Raises:
            WorkspaceError: the disk is full or cannot be written to.
        """
        if self._folder is None:
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._file.write(self.held)
            self._file.flush()
        except OSError as error:
            raise explain_os_error(error, self._folder / "items") from error
        del self.held[:]

    def column(self) -> Array:
        """All of it. Nothing can be added then."""
        dtype = np.dtype(self.held.typecode)
        if self._file is None:
            return np.array(self.held, dtype)
        self.spill()
        if not self._file.tell():
            return np.array(self.held, dtype)
        return np.asarray(np.memmap(self._file, dtype, mode="r"))

    def __del__(self) -> None:
        if self._file is not None:  # what is mapped stays so
            self._file.close()


class Packer:
    """Takes items, and gives them back as ``Packed``."""

    def __init__(self, folder: Path | None = None) -> None:
        self._hash, self._label = Spool("B", folder), Spool("i", folder)
        self._split, self._excluded = Spool("b", folder), Spool("b", folder)
        self._file, self._starts = Spool("B", folder), Spool("q", folder)
        self._group, self._note = Spool("i", folder), Spool("i", folder)
        self._groups: dict[str, int] = {}
        self._notes: dict[tuple[str, ...], int] = {}
        self._end = self._count = 0
        self._any_excluded = False

    def __len__(self) -> int:
        return self._count

    def add(self, item: Item) -> None:
        """Add an item.

        Raises:
            ValueError: its hash is not a SHA-256 in lower case, or its split is none.
        """
        digest, label, split, file, group, notes, excluded = item
        raw = bytes.fromhex(digest)
        if len(raw) != 32 or raw.hex() != digest or split not in _CODES:
            raise ValueError(f"{item!r:.200} cannot be packed.")
        name = file.encode("utf-8", "surrogatepass")
        self._hash.held.frombytes(raw)
        self._label.held.append(label)
        self._split.held.append(_CODES[split])
        self._starts.held.append(self._end)
        self._file.held.frombytes(name)
        self._end += len(name)
        code = -1 if group is None else self._groups.setdefault(group, len(self._groups))
        self._group.held.append(code)
        code = self._notes.setdefault(notes, len(self._notes)) if notes else -1
        self._note.held.append(code)
        self._excluded.held.append(excluded)
        self._any_excluded = self._any_excluded or excluded
        self._count += 1
        if self._count % SPILL == 0:
            for spool in vars(self).values():
                if isinstance(spool, Spool):
                    spool.spill()

    def done(self) -> Packed:
        """The items. None can be added then."""
        self._starts.held.append(self._end)
        columns = {
            "hash": self._hash.column().reshape(-1, 32),
            "label": self._label.column(),
            "split": self._split.column(),
            "file": self._file.column(),
            "file_start": self._starts.column(),
        }
        if self._groups:
            columns |= {"group": self._group.column(), **_table("groups", self._groups)}
        if self._notes:
            told = (json.dumps(notes, ensure_ascii=False) for notes in self._notes)
            columns |= {"note": self._note.column(), **_table("notes", told)}
        if self._any_excluded:
            columns["excluded"] = self._excluded.column().view(np.bool_)
        return Packed(columns)


def pack(items: Iterable[Item], folder: Path | None = None) -> Packed:
    """Items as columns, in files in ``folder`` where they are many.

    Raises:
        ValueError: one cannot be packed, as ``Packer.add`` says.
    """
    if isinstance(items, Packed):
        return items
    packer = Packer(folder)
    for item in items:
        packer.add(item)
    return packer.done()


def _table(name: str, texts: Iterable[str]) -> dict[str, Array]:
    """Strings as the two columns of a ``Texts``."""
    coded: list[Any] = [text.encode("utf-8", "surrogatepass") for text in texts]
    starts = np.cumsum([0, *map(len, coded)], dtype=np.int64)
    return {name: np.frombuffer(b"".join(coded), np.uint8), f"{name}_start": starts}
