"""Packer: packs items into columns, one by one; long columns spill to temporary files."""

import json
import tempfile
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from ml.data.store.item import SPLITS, Item
from ml.data.store.packed_items import Array, PackedItems
from ml.utils.files import explain_os_error

SPILL_ROWS = 16_384
"""Rows that are buffered before they are written."""
_SPLIT_CODES: dict[str | None, int] = {None: -1} | {name: n for n, name in enumerate(SPLITS)}


class SpilledColumn:
    """A column of numbers that spills to an unnamed temporary file as it grows.

    Args:
        code: the type of the numbers, as of ``array``.
        folder: where the file is made; without one, all numbers stay in memory.
    """

    def __init__(self, code: str, folder: Path | None) -> None:
        self.buffer, self._folder = array(code), folder
        self._file: IO[bytes] | None = None

    def add(self, number: int) -> None:
        """Append a number, and write the buffer once it is full."""
        self.buffer.append(number)
        if len(self.buffer) >= SPILL_ROWS:
            self.spill()

    def spill(self) -> None:
        """Write the buffer to the file.

        Raises:
            WorkspaceError: the disk is full or cannot be written to.
        """
        if self._folder is None:
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._file.write(self.buffer)
            self._file.flush()
        except OSError as error:
            raise explain_os_error(error, self._folder / "items") from error
        del self.buffer[:]

    def column(self) -> Array:
        """All numbers: (n,). None can be added afterwards."""
        dtype = np.dtype(self.buffer.typecode)
        if self._file is None:
            return np.array(self.buffer, dtype)
        self.spill()
        if not self._file.tell():
            return np.array(self.buffer, dtype)
        return np.asarray(np.memmap(self._file, dtype, mode="r"))

    def __del__(self) -> None:
        if self._file is not None:  # mapped columns stay readable
            self._file.close()


class Packer:
    """Packs items that are added one by one."""

    def __init__(self, folder: Path | None = None) -> None:
        self._hash, self._label = SpilledColumn("B", folder), SpilledColumn("i", folder)
        self._split, self._excluded = SpilledColumn("b", folder), SpilledColumn("b", folder)
        self._file, self._starts = SpilledColumn("B", folder), SpilledColumn("q", folder)
        self._group, self._note = SpilledColumn("i", folder), SpilledColumn("i", folder)
        self._groups: dict[str, int] = {}
        self._notes: dict[tuple[str, ...], int] = {}
        self._end = self._count = 0
        self._any_excluded = False

    def __len__(self) -> int:
        return self._count

    def add(self, item: Item) -> None:
        """Add an item.

        Raises:
            ValueError: its hash is not a SHA-256 in lower case, or it has an unknown split.
        """
        digest, label, split, file, group, notes, excluded = item
        raw = bytes.fromhex(digest)
        if len(raw) != 32 or raw.hex() != digest or split not in _SPLIT_CODES:
            raise ValueError(f"{item!r:.200} cannot be packed.")
        name = file.encode("utf-8", "surrogatepass")
        self._hash.buffer.frombytes(raw)
        self._label.buffer.append(label)
        self._split.buffer.append(_SPLIT_CODES[split])
        self._starts.buffer.append(self._end)
        self._file.buffer.frombytes(name)
        self._end += len(name)
        code = -1 if group is None else self._groups.setdefault(group, len(self._groups))
        self._group.buffer.append(code)
        code = self._notes.setdefault(notes, len(self._notes)) if notes else -1
        self._note.buffer.append(code)
        self._excluded.buffer.append(excluded)
        self._any_excluded = self._any_excluded or excluded
        self._count += 1
        if self._count % SPILL_ROWS == 0:
            for spool in vars(self).values():
                if isinstance(spool, SpilledColumn):
                    spool.spill()

    def finish(self) -> PackedItems:
        """The packed items. None can be added afterwards."""
        self._starts.buffer.append(self._end)
        columns = {
            "hash": self._hash.column().reshape(-1, 32),
            "label": self._label.column(),
            "split": self._split.column(),
            "file": self._file.column(),
            "file_start": self._starts.column(),
        }
        if self._groups:
            columns |= {"group": self._group.column(), **_string_columns("groups", self._groups)}
        if self._notes:
            note_lists = (json.dumps(notes, ensure_ascii=False) for notes in self._notes)
            columns |= {"note": self._note.column(), **_string_columns("notes", note_lists)}
        if self._any_excluded:
            columns["excluded"] = self._excluded.column().view(np.bool_)
        return PackedItems(columns)


def pack(items: Iterable[Item], folder: Path | None = None) -> PackedItems:
    """Pack items; long columns lie in temporary files in ``folder``.

    Raises:
        ValueError: an item cannot be packed, as ``Packer.add`` says.
    """
    if isinstance(items, PackedItems):
        return items
    packer = Packer(folder)
    for item in items:
        packer.add(item)
    return packer.finish()


def _string_columns(name: str, texts: Iterable[str]) -> dict[str, Array]:
    """Strings as the two columns of a ``StringColumn``."""
    coded: list[Any] = [text.encode("utf-8", "surrogatepass") for text in texts]
    starts = np.cumsum([0, *map(len, coded)], dtype=np.int64)
    return {name: np.frombuffer(b"".join(coded), np.uint8), f"{name}_start": starts}
