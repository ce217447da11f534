"""Item arrays: a field of all items at once, as a numpy array, whether they are packed or not."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ml.data.store.item import SPLITS, Item
from ml.data.store.packed_items import PackedItems

Indices = npt.NDArray[np.int64]
_COMPARED_ROWS = 4096


def labels_of(items: Sequence[Item]) -> Indices:
    """The label of each item: int64 (items,)."""
    if isinstance(items, PackedItems):
        return items.columns["label"].astype(np.int64)
    return np.fromiter((item.label for item in items), np.int64, len(items))


def files_of(items: Sequence[Item], places: Iterable[int]) -> list[str]:
    """The file names of the items at ``places``.

    Raises:
        IndexError: there is no such place.
    """
    if isinstance(items, PackedItems):
        return [items.file(n) for n in places]
    return [items[n].file for n in places]


def splits_of(items: Sequence[Item]) -> npt.NDArray[np.int8]:
    """The split of each item as an index of ``SPLITS``, -1 where none is decided: int8 (items,)."""
    if isinstance(items, PackedItems):
        return np.asarray(items.columns["split"])
    code = {None: -1} | {name: n for n, name in enumerate(SPLITS)}
    return np.fromiter((code[item.split] for item in items), np.int8, len(items))


def excluded_of(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """Whether each item is excluded: bool (items,)."""
    if isinstance(items, PackedItems):
        column = items.columns.get("excluded")
        return np.zeros(len(items), np.bool_) if column is None else np.asarray(column)
    return np.fromiter((item.excluded for item in items), np.bool_, len(items))


def groups_of(items: Sequence[Item]) -> Indices | None:
    """A number for the group of each item, -1 for none: int64 (items,). None without any group."""
    if isinstance(items, PackedItems):
        column = items.columns.get("group")
        return None if column is None else column.astype(np.int64)
    group_ids = _value_ids(item.group for item in items)
    return group_ids if (group_ids >= 0).any() else None


def pictures_of(items: Sequence[Item]) -> Indices:
    """A number for the picture of each item, equal for equal pictures: int64 (items,)."""
    if isinstance(items, PackedItems):
        return unique_row_ids(items.columns["hash"])
    return _value_ids(item.hash for item in items)


def with_splits(items: Sequence[Item], splits: npt.NDArray[np.int8]) -> Sequence[Item]:
    """The items with other ``splits``: int8 (items,), coded as by ``splits_of``."""
    if isinstance(items, PackedItems):
        return items.with_column("split", splits)
    names = (*SPLITS, None)
    return tuple(
        item if item.split == names[n] else item._replace(split=names[n])
        for item, n in zip(items, splits.tolist(), strict=True)
    )


def items_with_notes(items: Iterable[Item]) -> Iterator[Item]:
    """The items that have notes."""
    if not isinstance(items, PackedItems):
        return (item for item in items if item.notes)
    note_codes = items.columns.get("note", np.empty(0))
    return (items[n] for n in np.flatnonzero(note_codes >= 0).tolist())


def digests_of(items: Sequence[Item]) -> npt.NDArray[np.uint8]:
    """The SHA-256 of each picture: uint8 (items, 32)."""
    if isinstance(items, PackedItems):
        return np.asarray(items.columns["hash"])
    raw = b"".join(bytes.fromhex(item.hash) for item in items)
    return np.frombuffer(raw, np.uint8).reshape(len(items), 32)


def unique_row_ids(digests: npt.NDArray[np.uint8]) -> Indices:
    """A number for each of uint8 (rows, 32), equal for equal rows: int64 (rows,)."""
    words = np.ascontiguousarray(digests).view(np.uint64)
    order = np.lexsort(words.T)
    is_new = np.zeros(len(order), np.bool_)
    for column in words.T:
        ordered = column[order]
        is_new[1:] |= ordered[1:] != ordered[:-1]
    row_ids = np.empty(len(order), np.int64)
    row_ids[order] = np.cumsum(is_new)
    return row_ids


class Digests(Protocol):
    """A sequence of digests whose slices are uint8 (rows, 32), such as an array."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> npt.NDArray[np.uint8]: ...


def find_rows(stored: Digests, requested: npt.NDArray[np.uint8]) -> Indices:
    """The row in ``stored`` of each digest of ``requested`` uint8 (n, 32): int64 (n,), -1 where it
    is missing."""
    if len(stored) >= len(requested) and all(
        np.array_equal(
            stored[n : n + _COMPARED_ROWS][: len(requested) - n], requested[n : n + _COMPARED_ROWS]
        )
        for n in range(0, len(requested), _COMPARED_ROWS)
    ):
        return np.arange(len(requested))  # the usual case: stored in the requested order
    row_ids = unique_row_ids(np.concatenate([stored[:], requested]))
    row_of_id = np.full(len(row_ids), -1, np.int64)
    row_of_id[row_ids[: len(stored)]] = np.arange(len(stored))
    return row_of_id[row_ids[len(stored) :]]


def _value_ids(values: Iterable[Any]) -> Indices:
    """A number for each value, by first occurrence; -1 for None."""
    ids: dict[Any, int] = {}
    return np.array(
        [-1 if value is None else ids.setdefault(value, len(ids)) for value in values], np.int64
    )
