"""A field of all items at once, as an array, whether they are packed or not."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ml.data.store.item import SPLITS, Item
from ml.data.store.packed_items import Packed

Indices = npt.NDArray[np.int64]
_ROWS = 4096


def labels_of(items: Sequence[Item]) -> Indices:
    """The label of each item: int64 (items,)."""
    if isinstance(items, Packed):
        return items.columns["label"].astype(np.int64)
    return np.fromiter((item.label for item in items), np.int64, len(items))


def files_of(items: Sequence[Item], places: Iterable[int]) -> list[str]:
    """The file names of the items at ``places``.

    Raises:
        IndexError: there is no such place.
    """
    if isinstance(items, Packed):
        return [items.file(n) for n in places]
    return [items[n].file for n in places]


def splits_of(items: Sequence[Item]) -> npt.NDArray[np.int8]:
    """The split of each item as an index of ``SPLITS``, -1 where none is decided: int8 (items,)."""
    if isinstance(items, Packed):
        return np.asarray(items.columns["split"])
    code = {None: -1} | {name: n for n, name in enumerate(SPLITS)}
    return np.fromiter((code[item.split] for item in items), np.int8, len(items))


def excluded_of(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """Whether each item is excluded: bool (items,)."""
    if isinstance(items, Packed):
        found = items.columns.get("excluded")
        return np.zeros(len(items), np.bool_) if found is None else np.asarray(found)
    return np.fromiter((item.excluded for item in items), np.bool_, len(items))


def groups_of(items: Sequence[Item]) -> Indices | None:
    """A number for the group of each item, -1 for those that have none; None where none has one."""
    if isinstance(items, Packed):
        found = items.columns.get("group")
        return None if found is None else found.astype(np.int64)
    codes = _numbers(item.group for item in items)
    return codes if (codes >= 0).any() else None


def pictures_of(items: Sequence[Item]) -> Indices:
    """A number for the picture of each item, the same for the same picture: int64 (items,)."""
    if isinstance(items, Packed):
        return alike(items.columns["hash"])
    return _numbers(item.hash for item in items)


def with_splits(items: Sequence[Item], splits: npt.NDArray[np.int8]) -> Sequence[Item]:
    """The items with their splits as ``splits`` (of ``splits_of``) says."""
    if isinstance(items, Packed):
        return items.with_column("split", splits)
    names = (*SPLITS, None)
    return tuple(
        item if item.split == names[n] else item._replace(split=names[n])
        for item, n in zip(items, splits.tolist(), strict=True)
    )


def noted(items: Iterable[Item]) -> Iterator[Item]:
    """The items that have notes."""
    if not isinstance(items, Packed):
        return (item for item in items if item.notes)
    found = items.columns.get("note", np.empty(0))
    return (items[n] for n in np.flatnonzero(found >= 0).tolist())


def digests_of(items: Sequence[Item]) -> npt.NDArray[np.uint8]:
    """The SHA-256 of each picture: uint8 (items, 32)."""
    if isinstance(items, Packed):
        return np.asarray(items.columns["hash"])
    raw = b"".join(bytes.fromhex(item.hash) for item in items)
    return np.frombuffer(raw, np.uint8).reshape(len(items), 32)


def alike(digests: npt.NDArray[np.uint8]) -> Indices:
    """A number for each row of uint8 (rows, 32), the same for rows that are the same."""
    words = np.ascontiguousarray(digests).view(np.uint64)
    order = np.lexsort(words.T)
    new = np.zeros(len(order), np.bool_)
    for column in words.T:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(new)
    return numbers


class Digests(Protocol):
    """What gives uint8 (rows, 32) for a slice of rows: an array does."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> npt.NDArray[np.uint8]: ...


def rows_in(digests: Digests, wanted: npt.NDArray[np.uint8]) -> Indices:
    """The row of ``digests`` where each of ``wanted`` (n, 32) is; -1 where it is not."""
    if len(digests) >= len(wanted) and all(
        np.array_equal(digests[n : n + _ROWS][: len(wanted) - n], wanted[n : n + _ROWS])
        for n in range(0, len(wanted), _ROWS)
    ):
        return np.arange(len(wanted))  # mostly: they were written in this order
    numbers = alike(np.concatenate([digests[:], wanted]))
    row = np.full(len(numbers), -1, np.int64)
    row[numbers[: len(digests)]] = np.arange(len(digests))
    return row[numbers[len(digests) :]]


def _numbers(values: Iterable[Any]) -> Indices:
    """A number for each value, in the order in which they first come; -1 for None."""
    known: dict[Any, int] = {}
    return np.array(
        [-1 if one is None else known.setdefault(one, len(known)) for one in values], np.int64
    )
