"""The pictures of a run as arrays, memory-mapped from a cache that can be rebuilt at any time.

``datasets/<name>/cache/<spec.key>/index.json`` names the file of pixels, one row a picture, and the
file of their hashes. A new file is written beside and named by the index in one step, so that a
reader sees the old or the new one.
"""

import os
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from ml.data.pixels import Pixels, PixelSpec, canonical
from ml.data.store import DatasetVersion, load_version, read_picture
from ml.errors import BadInputError
from ml.files import explain_os_error, read_json, write_json
from ml.workspace import Workspace

Progress = Callable[[float], None]
Indices = npt.NDArray[np.int64]
_BATCH = 32


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run. ``all_pixels`` uint8 (pictures, S, S, C) is memory-mapped; a split is
    ``train``, ``val``, ``test`` or ``all`` (every item of the version)."""

    version: DatasetVersion
    spec: PixelSpec
    all_pixels: Pixels
    item_rows: Indices
    splits: dict[str, Indices]

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by label."""
        return self.version.classes

    def indices(self, split: str) -> Indices:
        """The items of a split: int64 (n,)."""
        return self.splits[split]

    def rows(self, split: str) -> Indices:
        """Where in ``all_pixels`` the pictures of a split are: int64 (n,)."""
        return self.item_rows[self.splits[split]]

    def pixels(self, split: str) -> Pixels:
        """uint8 (n, S, S, C): a view where the rows stand in a row, else in memory."""
        rows = self.rows(split)
        if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
            return self.all_pixels[rows[0] : rows[0] + len(rows)]
        return self.all_pixels[rows]

    def labels(self, split: str) -> Indices:
        """int64 (n,)."""
        return self.version.labels[self.splits[split]]

    def hashes(self, split: str) -> list[str]:
        """The SHA-256 of each picture."""
        return [self.version.items[n].hash for n in self.splits[split]]

    def files(self, split: str) -> list[str]:
        """The original name of each picture."""
        return [self.version.items[n].file for n in self.splits[split]]


def open_pictures(
    workspace: Workspace,
    record: dict[str, Any],
    spec: PixelSpec,
    progress: Progress | None = None,
) -> Pictures:
    """The pictures that ``record`` (of ``catalog.run_record``) names, prepared for ``spec``.

    Raises:
        BadInputError: the data set is gone or is not what it was, or a picture is missing.
        WorkspaceError: the disk is full or cannot be written to.
    """
    version = load_version(workspace, record["name"], record["version"])
    if version.fingerprint != record["fingerprint"]:
        raise BadInputError(
            f"The data set {version.name} version {version.version} is not the one that this run "
            "was made with. Start a new run."
        )
    hashes = list(dict.fromkeys(item.hash for item in version.items))
    folder = workspace.datasets / version.name / "cache" / spec.key
    pixels, row_of = _cached(workspace, folder, hashes, spec, progress)
    item_rows = np.array([row_of[item.hash] for item in version.items], dtype=np.int64)
    splits = {name: np.array(n, dtype=np.int64) for name, n in record["splits"].items()}
    splits["all"] = np.arange(len(version.items), dtype=np.int64)
    return Pictures(version, spec, pixels, item_rows, splits)


def _cached(
    workspace: Workspace,
    folder: Path,
    hashes: list[str],
    spec: PixelSpec,
    progress: Progress | None,
) -> tuple[Pixels, dict[str, int]]:
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

    token = secrets.token_hex(4)
    target = folder / f"pixels-{token}.npy"
    head = {"descr": "|u1", "fortran_order": False, "shape": (len(hashes), *_shape(spec))}
    try:
        # Written, not mapped: a full disk is then an error and not the end of the process.
        with target.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, head)
            batches = [hashes[n : n + _BATCH] for n in range(0, len(hashes), _BATCH)]
            for done, made in enumerate(_in_order(rows, batches), 1):
                file.write(made.data)
                if progress:
                    progress(done / len(batches))
            file.flush()
            os.fsync(file.fileno())
        np.save(folder / f"hashes-{token}.npy", np.array(hashes, dtype="S64"))
        write_json(folder / "index.json", {"token": token, "pictures": len(hashes)})
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    for path in folder.glob("*-*.npy"):
        if token not in path.name:
            with suppress(OSError):  # still open elsewhere: the next build removes it
                path.unlink()


def _in_order(work: Callable[[list[str]], Pixels], batches: list[list[str]]) -> Iterator[Pixels]:
    """``work`` on each batch in threads (Pillow lets others run), a few batches ahead."""
    workers = min(os.cpu_count() or 1, 8)
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[Pixels]] = deque()
        try:
            for batch in batches:
                pending.append(pool.submit(work, batch))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _shape(spec: PixelSpec) -> tuple[int, int, int]:
    return spec.size, spec.size, spec.channels
