"""Prepared pixels on disk, memory-mapped. All of it can be deleted and is then made anew.

``datasets/<name>/cache/<spec.key>/index.json`` names the file of pixels, one row a picture, and the
file of their hashes. A new file is written beside and named by the index in one step, so that a
reader sees the old or the new one.
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
from filelock import FileLock

from ml.data.pixels.parallel import Progress, in_batches
from ml.data.pixels.pixels import Pixels, PixelSpec, canonical
from ml.data.store.item_arrays import Indices, find_rows, unique_row_ids
from ml.data.store.originals import read_picture
from ml.errors import BadInputError
from ml.utils.files import explain_os_error, read_json, write_json
from ml.workspace import Workspace

Digests = npt.NDArray[np.uint8]
"""SHA-256 of pictures: (n, 32)."""
_FLUSH_BYTES = 64 * 2**20
_NAME = np.dtype("S64")
_DIGITS = np.full(256, 15, np.uint8)
"""The value of a digit by its letter. The empty name of a row that is nobody's is no picture's."""
_DIGITS[list(b"0123456789abcdef")] = range(16)


def cached(
    workspace: Workspace,
    folder: Path,
    digests: Digests,
    spec: PixelSpec,
    progress: Progress | None,
) -> tuple[Pixels, Indices]:
    """The pixels of at least the pictures ``digests``, uint8 (rows, S, S, C) memory-mapped, and
    the row of each: int64 (n,).

    Raises:
        BadInputError: a picture is missing or damaged.
        WorkspaceError: the disk is full or cannot be written to.
    """
    if found := _find(folder, digests, spec):
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if found := _find(folder, digests, spec):  # another process may have made it meanwhile
                return found
            _build(workspace, folder, digests, spec, progress)
    except OSError as error:
        raise explain_os_error(error, folder / "index.json") from error
    made = _find(folder, digests, spec)
    if made is None:
        raise BadInputError(f"The prepared pictures in {folder} cannot be read. Delete the folder.")
    return made


def _find(folder: Path, digests: Digests, spec: PixelSpec) -> tuple[Pixels, Indices] | None:
    """What ``cached`` returns; None where a picture is lacking."""
    found = _read(folder, spec)
    if found is None:
        return None
    rows = find_rows(_Names(found[1]), digests)
    return None if (rows < 0).any() else (found[0], rows)


def _read(folder: Path, spec: PixelSpec) -> tuple[Pixels, npt.NDArray[np.bytes_]] | None:
    """The pixels and the hash of each row; None where they are missing or damaged."""
    index = read_json(folder / "index.json")
    try:
        pixels = np.load(folder / f"pixels-{index['token']}.npy", mmap_mode="r")
        names = np.load(folder / f"hashes-{index['token']}.npy", mmap_mode="r")
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    if pixels.dtype != np.uint8 or pixels.shape != (len(names), *_shape(spec)):
        return None
    return (pixels, names) if names.dtype == _NAME else None


class _Names:
    """Hashes that are written as 64 digits, S64 (rows,), looked at as uint8 (rows, 32)."""

    def __init__(self, names: npt.NDArray[np.bytes_]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, rows: slice) -> Digests:
        digits = np.ascontiguousarray(self.names[rows]).view(np.uint8).reshape(-1, 64)
        values: Digests = _DIGITS[digits]
        return np.left_shift(values[:, ::2], 4, dtype=np.uint8) | values[:, 1::2]


def _build(
    workspace: Workspace,
    folder: Path,
    digests: Digests,
    spec: PixelSpec,
    progress: Progress | None,
) -> None:
    """Write a row for each of the pictures ``digests``, those that are there copied, the others
    decoded."""
    wanted = digests[np.sort(np.unique(unique_row_ids(digests), return_index=True)[1])]
    old = _read(folder, spec)
    known = find_rows(_Names(old[1]), wanted).tolist() if old else [-1] * len(wanted)

    def rows(batch: list[int]) -> Pixels:
        made = np.empty((len(batch), *_shape(spec)), dtype=np.uint8)
        for n, place in enumerate(batch):
            if old and known[place] >= 0:
                made[n] = old[0][known[place]]
            else:
                made[n] = canonical(read_picture(workspace, wanted[place].tobytes().hex()), spec)
        return made

    writer = Writer(folder, spec, len(wanted))
    try:
        done = 0
        for made in in_batches(rows, iter(range(len(wanted)))):
            some = wanted[done : done + len(made)]
            writer.add([one.tobytes().hex() for one in some], made)
            done += len(made)
            if progress:
                progress(done / len(wanted))
        writer.finish()
    except BaseException:
        writer.abandon()
        raise


class Rows:
    """Writes rows of pixels to their places in a file, from any thread or process.

    Args:
        path: a file that is there.
        start: where its first row begins.
        size: bytes of a row.
    """

    def __init__(self, path: Path, start: int, size: int) -> None:
        self.path, self.start, self.bytes = path, start, size
        self._file: BufferedRandom | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process opens the file for itself."""
        return _rows, (self.path, self.start, self.bytes)

    def write(self, first: int, pixels: Pixels) -> None:
        """Write uint8 (rows, S, S, C) or a single row from the row ``first`` on."""
        with self._lock:
            if self._file is None:
                self._file = self.path.open("r+b")
            self._file.seek(self.start + first * self.bytes)
            self._file.write(np.ascontiguousarray(pixels).data)
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


@lru_cache(maxsize=1)
def _rows(path: Path, start: int, size: int) -> Rows:
    """The same for every batch that a process is sent."""
    return Rows(path, start, size)


class Writer:
    """Writes the pixels of at most ``most`` pictures, a row each, and names them in the index at
    the end. Whoever writes holds the lock of the folder then."""

    def __init__(self, folder: Path, spec: PixelSpec, most: int) -> None:
        self.folder, self.spec = folder, spec
        self._count = 0
        self._token = secrets.token_hex(4)
        self._target = folder / f"pixels-{self._token}.npy"
        # Written, not mapped: a full disk is then an error and not the end of the process.
        self._file = self._target.open("wb")
        self._written = self._flushing = 0
        self._flusher: threading.Thread | None = None
        self._names = (folder / f"hashes-{self._token}.npy").open("wb")
        self._head(most)
        self._file.flush()
        self.rows = Rows(self._target, self._file.tell(), math.prod(_shape(spec)))

    def add(self, hashes: Sequence[str], rows: Pixels) -> None:
        """Append a row for each of ``hashes``."""
        self.rows.write(self._count, rows)
        self.name(hashes)

    def name(self, hashes: Sequence[str]) -> None:
        """Say whose the next rows are, which have been written. An empty hash is nobody's."""
        self._count += len(hashes)
        self._names.write(np.array(hashes, _NAME).tobytes())
        self._written += len(hashes) * self.rows.bytes
        if self._written - self._flushing > _FLUSH_BYTES:
            self._flush_meanwhile()

    def _flush_meanwhile(self) -> None:
        """Let the disk write while more is computed: at the end little is left to wait for."""
        if self._flusher is None or not self._flusher.is_alive():
            self._flushing = self._written
            self._flusher = threading.Thread(target=_flush, args=(os.dup(self._file.fileno()),))
            self._flusher.start()

    def finish(self) -> None:
        """Flush to the disk, name the file in the index, and remove the one before."""
        self._wait()
        self.rows.close()
        self._file.seek(0)
        self._names.seek(0)
        self._head(self._count)  # room to grow is part of the head: its length stays
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
        """Leave nothing behind."""
        self._wait()
        self.rows.close()
        self._file.close()
        with suppress(OSError):  # the disk may be full
            self._names.close()
        for path in self.folder.glob(f"*-{self._token}.npy"):
            path.unlink(missing_ok=True)

    def _wait(self) -> None:
        if self._flusher is not None:
            self._flusher.join()

    def _head(self, count: int) -> None:
        for file, kind, shape in (
            (self._file, "|u1", (count, *_shape(self.spec))),
            (self._names, _NAME.str, (count,)),
        ):
            head = {"descr": kind, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, head)


def _flush(handle: int) -> None:
    try:
        with suppress(OSError):  # what is wrong shows at the end
            os.fsync(handle)
    finally:
        os.close(handle)


def _shape(spec: PixelSpec) -> tuple[int, int, int]:
    return spec.size, spec.size, spec.channels
