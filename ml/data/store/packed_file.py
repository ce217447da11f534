"""Packed file: packed items in a memory-mapped file, ``<n>.items`` beside the version ``<n>.json``.

It is a cache of the version file, and is made again where it is missing or damaged.
"""

import hashlib
import json
import math
import mmap
from pathlib import Path
from typing import IO, Any

import numpy as np

from ml.data.store.packed_items import PackedItems
from ml.utils.files import write_atomically
from ml.utils.typed_json import parse_json

_MAGIC = b"lensmith items 1\n"
_ALIGN = 64
_READ_BYTES = 2**17


def write_packed(
    path: Path, fingerprint: str, classes: tuple[str, ...], items: PackedItems
) -> None:
    """Write the items of the version of that fingerprint.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    columns = {name: np.ascontiguousarray(column) for name, column in items.columns.items()}
    header: dict[str, Any] = {"fingerprint": fingerprint, "classes": classes}
    offset, header["columns"] = 0, {}
    for name, column in columns.items():
        header["columns"][name] = [column.dtype.str, column.shape, offset]
        offset += _padded(column.nbytes)
    start = _MAGIC + json.dumps(header).encode() + b"\n"

    def write(file: IO[bytes]) -> None:
        digest = hashlib.sha256()

        def put(data: Any, size: int) -> None:
            for part in (data, bytes(_padded(size) - size)):
                file.write(part)
                digest.update(part)

        put(start, len(start))
        for column in columns.values():
            put(column.reshape(-1).view(np.uint8), column.nbytes)
        file.write(digest.digest())

    write_atomically(path, write)


def read_packed(path: Path, fingerprint: str) -> tuple[tuple[str, ...], PackedItems] | None:
    """The classes and items of the version of that fingerprint, which stay on the disk; None where
    the file is missing, damaged or of another version."""
    try:
        with path.open("rb") as file:
            if not _hash_matches(file):
                return None
            file.seek(0)
            if file.readline() != _MAGIC:
                return None
            header = parse_json(file.readline())
            start = _padded(file.tell())
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    if header["fingerprint"] != fingerprint:
        return None
    columns = {}
    for name, (kind, shape, offset) in header["columns"].items():
        flat = np.frombuffer(mapped, kind, math.prod(shape), start + offset)
        columns[name] = flat.reshape(shape)
    return tuple(header["classes"]), PackedItems(columns)


def _hash_matches(file: IO[bytes]) -> bool:
    """Whether the file ends in the SHA-256 of what comes before."""
    remaining = file.seek(0, 2) - hashlib.sha256().digest_size
    file.seek(0)
    digest = hashlib.sha256()
    while remaining > 0:
        chunk = file.read(min(remaining, _READ_BYTES))
        if not chunk:
            return False
        digest.update(chunk)
        remaining -= len(chunk)
    return remaining == 0 and file.read() == digest.digest()


def _padded(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
