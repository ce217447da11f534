"""Pixel cache: prepared pixels on disk, memory-mapped. It can be deleted and is then made anew.

``datasets/<name>/cache/<spec.key>/index.json`` names the file of pixels, one row a picture, and the
file of their hashes. New files are written beside the old ones and then named by the index in one
step, so that a reader sees the old or the new ones.
"""

import math
import os
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from io import BufferedRandom
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.pixels.parallel import Progress, in_batches
from ml.data.pixels.pixels import Pixels, PixelSpec, canonical
from ml.data.store.item_arrays import Indices, find_rows, unique_row_ids
from ml.data.store.originals import read_picture
from ml.errors import BadInputError
from ml.utils.files import explain_os_error, read_json, write_json
from ml.utils.locks import LONG_STALE_SECONDS, LONG_WAIT_SECONDS, held
from ml.workspace import Workspace

Digests = npt.NDArray[np.uint8]
"""SHA-256 of pictures: (n, 32)."""
_BYTES_BETWEEN_FLUSHES = 64 * 2**20
_HASH_DTYPE = np.dtype("S64")
_HEX_VALUES = np.full(256, 15, np.uint8)
"""The value of each hexadecimal digit; 15 for others, so that an empty hash matches no picture."""
_HEX_VALUES[list(b"0123456789abcdef")] = range(16)


def cached_pixels(
    workspace: Workspace,
    folder: Path,
    digests: Digests,
    spec: PixelSpec,
    progress: Progress | None,
) -> tuple[Pixels, Indices]:
    """Pixels of the pictures ``digests`` and possibly others, uint8 (rows, S, S, C) memory-mapped,
    and the row of each picture: int64 (n,). Missing pixels are computed.

    Raises:
        BadInputError: a picture is missing or damaged.
        WorkspaceError: the disk is full or cannot be written to.
    """
    if cached := _cached_rows(folder, digests, spec):
        return cached
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with held(folder / ".lock", seconds=LONG_WAIT_SECONDS, stale=LONG_STALE_SECONDS):
            if cached := _cached_rows(folder, digests, spec):  # built by another process meanwhile
                return cached
            _build(workspace, folder, digests, spec, progress)
    except OSError as error:
        raise explain_os_error(error, folder / "index.json") from error
    built = _cached_rows(folder, digests, spec)
    if built is None:
        raise BadInputError(f"The prepared pictures in {folder} cannot be read. Delete the folder.")
    return built


def _cached_rows(folder: Path, digests: Digests, spec: PixelSpec) -> tuple[Pixels, Indices] | None:
    """What ``cached_pixels`` returns; None where a picture is missing."""
    opened = _open(folder, spec)
    if opened is None:
        return None
    rows = find_rows(_HashColumn(opened[1]), digests)
    return None if (rows < 0).any() else (opened[0], rows)


def _open(folder: Path, spec: PixelSpec) -> tuple[Pixels, npt.NDArray[np.bytes_]] | None:
    """The pixels and the hash of each row; None where they are missing or damaged."""
    index = read_json(folder / "index.json")
    try:
        pixels = np.load(folder / f"pixels-{index['token']}.npy", mmap_mode="r")
        names = np.load(folder / f"hashes-{index['token']}.npy", mmap_mode="r")
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    if pixels.dtype != np.uint8 or pixels.shape != (len(names), *_row_shape(spec)):
        return None
    return (pixels, names) if names.dtype == _HASH_DTYPE else None


class _HashColumn:
    """Hashes that are stored as 64 digits, S64 (rows,), as uint8 (rows, 32)."""

    def __init__(self, names: npt.NDArray[np.bytes_]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: slice) -> Digests:
        digits = np.ascontiguousarray(self.names[rows]).view(np.uint8).reshape(-1, 64)
        values: Digests = _HEX_VALUES[digits]
        return np.left_shift(values[:, ::2], 4, dtype=np.uint8) | values[:, 1::2]


def _build(
    workspace: Workspace,
    folder: Path,
    digests: Digests,
    spec: PixelSpec,
    progress: Progress | None,
) -> None:
    """Write a row for each of the pictures ``digests``: copied from the old file, or decoded."""
    distinct = digests[np.sort(np.unique(unique_row_ids(digests), return_index=True)[1])]
    old = _open(folder, spec)
    old_rows = find_rows(_HashColumn(old[1]), distinct).tolist() if old else [-1] * len(distinct)

    def rows(batch: list[int]) -> Pixels:
        pixels = np.empty((len(batch), *_row_shape(spec)), dtype=np.uint8)
        for n, number in enumerate(batch):
            if old and old_rows[number] >= 0:
                pixels[n] = old[0][old_rows[number]]
            else:
                pixels[n] = canonical(
                    read_picture(workspace, distinct[number].tobytes().hex()), spec
                )
        return pixels

    writer = CacheWriter(folder, spec, len(distinct))
    try:
        written = 0
        for pixels in in_batches(rows, iter(range(len(distinct)))):
            batch_digests = distinct[written : written + len(pixels)]
            writer.add([digest.tobytes().hex() for digest in batch_digests], pixels)
            written += len(pixels)
            if progress:
                progress(written / len(distinct))
        writer.finish()
    except BaseException:
        writer.abandon()
        raise


class RowWriter:
    """Writes rows of pixels to their places in a file, from any thread or process.

    Args:
        path: an existing file.
        start: the offset of its first row, in bytes.
        size: bytes of a row.
    """

    def __init__(self, path: Path, start: int, size: int) -> None:
        self.path, self.start, self.bytes = path, start, size
        self._file: BufferedRandom | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the file for itself."""
        return _shared_row_writer, (self.path, self.start, self.bytes)

    def write(self, first_row: int, pixels: Pixels) -> None:
        """Write uint8 (rows, S, S, C), or (S, S, C) for a single row, from ``first_row`` on."""
        with self._lock:
            if self._file is None:
                self._file = self.path.open("r+b")
            self._file.seek(self.start + first_row * self.bytes)
            self._file.write(np.ascontiguousarray(pixels).data)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


@lru_cache(maxsize=1)
def _shared_row_writer(path: Path, start: int, size: int) -> RowWriter:
    """One writer for all batches that a process gets."""
    return RowWriter(path, start, size)


class CacheWriter:
    """Writes the pixels of at most ``max_pictures`` pictures, a row each.

    ``finish`` names them in the index; its caller holds the lock of the folder.
    """

    def __init__(self, folder: Path, spec: PixelSpec, max_pictures: int) -> None:
        self.folder, self.spec = folder, spec
        self._count = 0
        self._token = secrets.token_hex(4)
        self._target = folder / f"pixels-{self._token}.npy"
        # Written, not mapped: a full disk raises an error instead of killing the process.
        self._file = self._target.open("wb")
        self._written = self._flushing = 0
        self._flusher: threading.Thread | None = None
        self._names = (folder / f"hashes-{self._token}.npy").open("wb")
        self._write_headers(max_pictures)
        self._file.flush()
        self.rows = RowWriter(self._target, self._file.tell(), math.prod(_row_shape(spec)))

    def add(self, hashes: Sequence[str], rows: Pixels) -> None:
        """Append a row for each of ``hashes``."""
        self.rows.write(self._count, rows)
        self.name_rows(hashes)

    def name_rows(self, hashes: Sequence[str]) -> None:
        """Name the pictures of the next written rows by hash; an empty hash skips a row."""
        self._count += len(hashes)
        self._names.write(np.array(hashes, _HASH_DTYPE).tobytes())
        self._written += len(hashes) * self.rows.bytes
        if self._written - self._flushing > _BYTES_BETWEEN_FLUSHES:
            self._flush_in_background()

    def _flush_in_background(self) -> None:
        """Flush in a thread while more is computed, so that ``finish`` waits for little."""
        if self._flusher is None or not self._flusher.is_alive():
            self._flushing = self._written
            self._flusher = threading.Thread(target=_flush, args=(os.dup(self._file.fileno()),))
            self._flusher.start()

    def finish(self) -> None:
        """Flush to the disk, name the files in the index, and remove the old ones."""
        self._join_flusher()
        self.rows.close()
        self._file.seek(0)
        self._names.seek(0)
        self._write_headers(self._count)  # numpy pads the header, so its length stays
        self._file.truncate(self.rows.start + self._count * self.rows.bytes)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._names.close()
        write_json(self.folder / "index.json", {"token": self._token, "pictures": self._count})
        for path in self.folder.glob("*-*.npy"):
            if self._token not in path.name:
                with suppress(OSError):  # still open elsewhere: the next build removes it
                    path.unlink()

    def abandon(self) -> None:
        """Remove all that was written."""
        self._join_flusher()
        self.rows.close()
        self._file.close()
        with suppress(OSError):  # the disk may be full
            self._names.close()
        for path in self.folder.glob(f"*-{self._token}.npy"):
            path.unlink(missing_ok=True)

    def _join_flusher(self) -> None:
        if self._flusher is not None:
            self._flusher.join()

    def _write_headers(self, count: int) -> None:
        for file, dtype, shape in (
            (self._file, "|u1", (count, *_row_shape(self.spec))),
            (self._names, _HASH_DTYPE.str, (count,)),
        ):
            header = {"descr": dtype, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)


def _flush(handle: int) -> None:
    try:
        with suppress(OSError):  # ``finish`` raises it
            os.fsync(handle)
    finally:
        os.close(handle)


def _row_shape(spec: PixelSpec) -> tuple[int, int, int]:
    return spec.size, spec.size, spec.channels
