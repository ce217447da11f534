"""Version file: the items of a version as columns of JSON; 70,000 load in a tenth of a second."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from ml.data.store.item import SPLITS, Item
from ml.data.store.packed_items import BLOCK_ROWS, PackedItems
from ml.errors import BadInputError
from ml.utils.typed_json import parse_json

FORMAT = 2
"""Format 2 knows excluded pictures. A version without any is written as format 1, so that the
fingerprints of earlier versions stay valid."""
CHUNK_ROWS = 4096
"""Rows of a column in one chunk."""


def encoded_chunks(classes: tuple[str, ...], items: Sequence[Item]) -> Iterator[bytes]:
    """The content of a version's file in chunks, to save memory; their SHA-256 is the
    fingerprint."""
    excluded = [n for n, is_excluded in enumerate(_field(items, "excluded")) if is_excluded]
    yield f'{{"format":{FORMAT if excluded else 1},"classes":{_json(classes)}'.encode()
    yield from _json_list("hash", _field(items, "hash"))
    yield from _json_list("label", _field(items, "label"))
    splits = (SPLITS.index(split) if split else -1 for split in _field(items, "split"))
    yield from _json_list("split", splits)
    yield from _json_list("file", _field(items, "file"))
    groups = ((n, value) for n, value in enumerate(_field(items, "group")) if value is not None)
    yield from _json_object("group", groups)
    yield from _json_object(
        "notes", ((n, value) for n, value in enumerate(_field(items, "notes")) if value)
    )
    if excluded:
        yield from _json_list("excluded", excluded)
    yield b"}"


def decoded(content: bytes) -> tuple[tuple[str, ...], Iterator[Item]]:
    """The classes and items of a file that ``encoded_chunks`` wrote.

    Raises:
        BadInputError: a newer Lensmith wrote them.
        ValueError, KeyError, TypeError, IndexError, AttributeError: they are damaged.
    """
    columns = parse_json(content)
    if columns["format"] > FORMAT:
        raise BadInputError("A newer Lensmith wrote this data set. Update Lensmith to use it.")
    count = len(columns["classes"])
    if not all(type(label) is int and 0 <= label < count for label in columns["label"]):
        raise ValueError("a label of no class")
    return tuple(columns["classes"]), _items(columns)


def _items(columns: dict[str, Any]) -> Iterator[Item]:
    splits = (*SPLITS, None)  # -1 is the last
    group, notes = columns["group"], {int(n): tuple(v) for n, v in columns["notes"].items()}
    excluded = set(columns.get("excluded", ()))
    rows = zip(columns["hash"], columns["label"], columns["split"], columns["file"], strict=True)
    for n, (digest, label, split, file) in enumerate(rows):
        split_name, is_excluded = splits[split], n in excluded
        yield Item(
            digest, label, split_name, file, group.get(str(n)), notes.get(n, ()), is_excluded
        )


def _field(items: Sequence[Item], name: str) -> Iterator[Any]:
    """A field of all items; packed items are not unpacked for it."""
    if not isinstance(items, PackedItems):
        return (getattr(item, name) for item in items)
    starts, count = range(0, len(items), BLOCK_ROWS), len(items)
    blocks = ((start, min(start + BLOCK_ROWS, count)) for start in starts)
    return (value for start, stop in blocks for value in items.values(name, start, stop))


def _json_list(name: str, values: Iterable[Any]) -> Iterator[bytes]:
    yield f',"{name}":['.encode()
    yield from _joined_values(values, list)
    yield b"]"


def _json_object(name: str, pairs: Iterable[tuple[int, Any]]) -> Iterator[bytes]:
    yield f',"{name}":{{'.encode()
    yield from _joined_values(pairs, dict)
    yield b"}"


def _joined_values(values: Iterable[Any], kind: type) -> Iterator[bytes]:
    """The JSON between the brackets of a list or an object, in chunks."""
    values, comma = iter(values), ""
    while rows := kind(islice(values, CHUNK_ROWS)):
        yield (comma + _json(rows)[1:-1]).encode()
        comma = ","


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
