"""Packed items: the items of a large version as columns of numbers, which may stay on the disk.

They are read as a sequence of ``Item``, each made on access. An ``Item`` and what it holds take
some 450 bytes, a row of these columns 45 and the length of the file's name.
"""

import json
import operator
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, repeat
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from ml.data.store.item import SPLITS, Item

Array = npt.NDArray[Any]
BLOCK_ROWS = 1024
"""Rows that iteration makes at once."""
_SPLITS = (*SPLITS, None)  # -1 is the last


class StringColumn:
    """Strings in one array: ``data`` uint8 (bytes,) in UTF-8, ``starts`` int64 (strings + 1,)."""

    def __init__(self, starts: Array, data: Array) -> None:
        self.starts, self.data = starts, data
        self._starts, self._data = starts.data, data.data

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, n: int) -> str:
        # File names need not be Unicode: surrogatepass brings other bytes back as they were.
        return str(self._data[self._starts[n] : self._starts[n + 1]], "utf-8", "surrogatepass")

    def between(self, start: int, stop: int) -> list[str]:
        """The strings from ``start`` up to ``stop``."""
        ends = self.starts[start : stop + 1].tolist()
        joined = self.data[ends[0] : ends[-1]].tobytes()
        offsets = [end - ends[0] for end in ends]
        return [str(joined[a:b], "utf-8", "surrogatepass") for a, b in pairwise(offsets)]


class PackedItems(Sequence[Item]):
    """Items as ``columns``.

    Args:
        columns: ``hash`` uint8 (items, 32); ``label`` int32; ``split`` int8, an index of ``SPLITS``
            or -1; ``file`` and ``file_start`` as of ``StringColumn``. Where an item has such:
            ``group`` and ``note`` int32, an index or -1 for none, into ``groups`` and ``notes``
            with ``groups_start`` and ``notes_start`` (notes are lists in JSON); ``excluded`` bool.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, columns: dict[str, Array]) -> None:
        self.columns = columns
        self._hash = columns["hash"].reshape(-1).data
        self._label, self._split = columns["label"].data, columns["split"].data
        self._files = StringColumn(columns["file_start"], columns["file"])
        self._groups = self._notes = None
        if "group" in columns:
            self._groups = StringColumn(columns["groups_start"], columns["groups"])
        if "note" in columns:
            notes = StringColumn(columns["notes_start"], columns["notes"])
            self._notes = [tuple(json.loads(notes[n])) for n in range(len(notes))] + [()]

    def __len__(self) -> int:
        return len(self._label)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Item, ...]: ...
    def __getitem__(self, index: int | slice) -> Item | tuple[Item, ...]:
        """An item, or several as a tuple."""
        if isinstance(index, slice):
            return tuple(self[n] for n in range(*index.indices(len(self))))
        n = self._checked(index)
        return Item(
            self._hash[32 * n : 32 * n + 32].hex(),
            self._label[n],
            _SPLITS[self._split[n]],
            self._files[n],
            self._group(n) if self._groups else None,
            self._notes[self.columns["note"][n]] if self._notes else (),
            bool(self.columns["excluded"][n]) if "excluded" in self.columns else False,
        )

    def _checked(self, index: int) -> int:
        """``index`` counted from the start."""
        n = operator.index(index)
        n = n + len(self) if n < 0 else n
        if not 0 <= n < len(self):
            raise IndexError(f"There are {len(self)} items, and none is number {index}.")
        return n

    def file(self, index: int) -> str:
        """The file name of an item, without making the item."""
        return self._files[self._checked(index)]

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, len(self), BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, len(self))
            yield from map(Item, *(self.values(name, start, stop) for name in Item._fields))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the columns themselves: another computer need not have the mapped file."""
        return PackedItems, ({name: np.array(column) for name, column in self.columns.items()},)

    def values(self, name: str, start: int, stop: int) -> Iterable[Any]:
        """The field ``name`` of the items from ``start`` up to ``stop``, a value each."""
        count = stop - start
        if name == "hash":
            digits = self._hash[32 * start : 32 * stop].hex()
            return [digits[n : n + 64] for n in range(0, 64 * count, 64)]
        if name == "file":
            return self._files.between(start, stop)
        if name == "split":
            return [_SPLITS[n] for n in self.columns["split"][start:stop].tolist()]
        if name == "group":
            return map(self._group, range(start, stop)) if self._groups else repeat(None, count)
        if name == "notes":
            if not self._notes:
                return repeat((), count)
            return [self._notes[n] for n in self.columns["note"][start:stop].tolist()]
        column = self.columns.get(name)
        return repeat(False, count) if column is None else column[start:stop].tolist()

    def with_column(self, name: str, values: Array) -> "PackedItems":
        """The same items with the column ``name`` replaced by ``values``."""
        return PackedItems({**self.columns, name: values})

    def _group(self, n: int) -> str | None:
        code = int(self.columns["group"][n])
        return self._groups[code] if self._groups and code >= 0 else None
