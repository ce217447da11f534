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
from filelock import FileLock

from ml.data.originals import read_picture
from ml.data.parallel import Progress, in_batches
from ml.data.pixels import Pixels, PixelSpec, canonical
from ml.errors import BadInputError
from ml.files import explain_os_error, read_json, write_json
from ml.workspace import Workspace

_FLUSH_BYTES = 64 * 2**20


def cached(
    workspace: Workspace,
    folder: Path,
    hashes: list[str],
    spec: PixelSpec,
    progress: Progress | None,
) -> tuple[Pixels, dict[str, int]]:
    """The pixels of at least ``hashes``, uint8 (rows, S, S, C) memory-mapped, and the row of each.

    Raises:
        BadInputError: a picture is missing or damaged.
        WorkspaceError: the disk is full or cannot be written to.
    """
    found = _read(folder, spec)
    if found and all(digest in found[1] for digest in hashes):
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            found = _read(folder, spec)  # another process may have made it meanwhile
            if found and all(digest in found[1] for digest in hashes):
                return found
            _build(workspace, folder, hashes, spec, found, progress)
    except OSError as error:
        raise explain_os_error(error, folder / "index.json") from error
    made = _read(folder, spec)
    if made is None:
        raise BadInputError(f"The prepared pictures in {folder} cannot be read. Delete the folder.")
    return made


def _read(folder: Path, spec: PixelSpec) -> tuple[Pixels, dict[str, int]] | None:
    """The pixels and the row of each hash; None where they are missing or damaged."""
    index = read_json(folder / "index.json")
    try:
        pixels = np.load(folder / f"pixels-{index['token']}.npy", mmap_mode="r")
        names = np.load(folder / f"hashes-{index['token']}.npy").astype(str).tolist()
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    if pixels.dtype != np.uint8 or pixels.shape != (len(names), *_shape(spec)):
        return None
    return pixels, {name: row for row, name in enumerate(names)}


def _build(
    workspace: Workspace,
    folder: Path,
    hashes: list[str],
    spec: PixelSpec,
    old: tuple[Pixels, dict[str, int]] | None,
    progress: Progress | None,
) -> None:
    """Write the rows of ``hashes``, those that ``old`` has copied, the others decoded."""

    def rows(batch: list[str]) -> Pixels:
        made = np.empty((len(batch), *_shape(spec)), dtype=np.uint8)
        for n, digest in enumerate(batch):
            known = old[1].get(digest) if old else None
            if old and known is not None:
                made[n] = old[0][known]
            else:
                made[n] = canonical(read_picture(workspace, digest), spec)
        return made

    writer = Writer(folder, spec, len(hashes))
    try:
        done = 0
        for made in in_batches(rows, iter(hashes)):
            writer.add(hashes[done : done + len(made)], made)
            done += len(made)
            if progress:
                progress(done / len(hashes))
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
        self.hashes: list[str] = []
        self._token = secrets.token_hex(4)
        self._target = folder / f"pixels-{self._token}.npy"
        # Written, not mapped: a full disk is then an error and not the end of the process.
        self._file = self._target.open("wb")
        self._written = self._flushing = 0
        self._flusher: threading.Thread | None = None
        self._head(most)
        self._file.flush()
        self.rows = Rows(self._target, self._file.tell(), math.prod(_shape(spec)))

    def add(self, hashes: Sequence[str], rows: Pixels) -> None:
        """Append a row for each of ``hashes``."""
        self.rows.write(len(self.hashes), rows)
        self.name(hashes)

    def name(self, hashes: Sequence[str]) -> None:
        """Say whose the next rows are, which have been written. An empty hash is nobody's."""
        self.hashes += hashes
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
        self._head(len(self.hashes))  # room to grow is part of the head: its length stays
        self._file.truncate(self.rows.start + len(self.hashes) * self.rows.bytes)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        np.save(self.folder / f"hashes-{self._token}.npy", np.array(self.hashes, dtype="S64"))
        write_json(self.folder / "index.json", {"token": self._token, "pictures": len(self.hashes)})
        for path in self.folder.glob("*-*.npy"):
            if self._token not in path.name:
                with suppress(OSError):  # still open elsewhere: the next build removes it
                    path.unlink()

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._wait()
        self.rows.close()
        self._file.close()
        for path in self.folder.glob(f"*-{self._token}.npy"):
            path.unlink(missing_ok=True)

    def _wait(self) -> None:
        if self._flusher is not None:
            self._flusher.join()

    def _head(self, count: int) -> None:
        shape = (count, *_shape(self.spec))
        head = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, head)


def _flush(handle: int) -> None:
    try:
        with suppress(OSError):  # what is wrong shows at the end
            os.fsync(handle)
    finally:
        os.close(handle)


def _shape(spec: PixelSpec) -> tuple[int, int, int]:
    return spec.size, spec.size, spec.channels
