"""Image statistics: size, capture time, brightness, contrast, sharpness and a thumbnail.

Each picture is decoded once, however many data sets and versions it is in: its statistics are
cached by its hash, in ``features/looks-<n>``, as structured arrays.
"""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.data.pixels.decode import guarded, load, opened
from ml.data.pixels.parallel import Progress, in_batches
from ml.data.store.originals import read_picture
from ml.errors import BadInputError
from ml.utils.files import write_atomically
from ml.workspace import Workspace

THUMBNAIL_SIDE = 64
"""Thumbnails are grey squares of so many pixels, squeezed: nothing is cut off."""
MEASURED_SIDE = 256
"""Pixels of the longer side at which statistics are computed, so that sizes do not matter."""
PICTURES_PER_FILE = 4096
_TIMES = (36867, 36868, 306)  # taken, digitised, changed
_SUBSECONDS = {36867: 37521, 36868: 37522, 306: 37520}
_EXIF = 0x8769

STATISTICS_DTYPE = np.dtype(
    [
        ("hash", "S64"),
        ("same", "S32"),  # equal where the decoded pixels are equal
        ("width", "i4"),
        ("height", "i4"),
        ("time", "f8"),  # seconds since 1970 by the camera's clock; not a number where unknown
        ("light", "f4"),  # mean of grey, 0 to 255
        ("contrast", "f4"),  # deviation of grey
        ("red", "f4"),
        ("green", "f4"),
        ("blue", "f4"),
        ("sharp", "f4"),  # variance of the Laplacian
        ("flat", "f4"),  # share of the pixels that are like their neighbours to the bit
        ("thumb", "u1", (THUMBNAIL_SIDE, THUMBNAIL_SIDE)),
    ]
)
FORMAT_VERSION = 1

ImageStatistics = npt.NDArray[Any]
"""Of ``STATISTICS_DTYPE``, one row a picture."""


def compute_statistics(
    workspace: Workspace, hashes: list[str], progress: Progress | None = None
) -> ImageStatistics:
    """The statistics of the pictures with these hashes, ``STATISTICS_DTYPE`` (N,), in their order.

    A picture that is missing or damaged has width 0. ``progress`` is told the share done, 0 to 1.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    folder = workspace.features / f"looks-{FORMAT_VERSION}"
    statistics = np.zeros(len(hashes), STATISTICS_DTYPE)
    row_of = {digest: row for row, digest in enumerate(hashes)}
    for part in _stored_files(folder):
        stored_hashes = part["hash"].astype(str).tolist()
        stored = [
            (row_of.pop(name), place) for place, name in enumerate(stored_hashes) if name in row_of
        ]
        if stored:
            target_rows, stored_rows = (np.array(side) for side in zip(*stored, strict=True))
            statistics[target_rows] = part[stored_rows]
    done, missing = 0, list(row_of)
    for start in range(0, len(missing), PICTURES_PER_FILE):
        hashes_of_file, computed = missing[start : start + PICTURES_PER_FILE], []
        for batch in in_batches(partial(_statistics_of_all, workspace), iter(hashes_of_file)):
            computed += batch
            done += len(batch)
            if progress:
                progress(done / len(missing))
        part = np.array(computed, STATISTICS_DTYPE)
        statistics[[row_of[digest] for digest in hashes_of_file]] = part
        _store(folder, part[part["width"] > 0])
    return statistics


def _statistics_of_all(workspace: Workspace, hashes: list[str]) -> list[tuple[Any, ...]]:
    return [_statistics_of(workspace, digest) for digest in hashes]


def _statistics_of(workspace: Workspace, digest: str) -> tuple[Any, ...]:
    try:
        return (digest, *_measure(read_picture(workspace, digest)))
    except BadInputError:
        return (digest, *np.zeros((), STATISTICS_DTYPE).item()[1:])


@guarded
def _measure(data: bytes) -> tuple[Any, ...]:
    """The fields of ``STATISTICS_DTYPE`` after the first, of the bytes of a picture."""
    picture, (width, height), _ = load(data, at_least=MEASURED_SIDE)
    same = hashlib.sha256(f"{width}x{height} {picture.mode} ".encode() + picture.tobytes())
    thumb = picture.convert("L").resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    picture.thumbnail((MEASURED_SIDE, MEASURED_SIDE), Image.Resampling.BILINEAR)
    grey = np.asarray(picture.convert("L"), np.float32)
    colours = np.asarray(picture.convert("RGB").reduce(4), np.float32).reshape(-1, 3).mean(0)
    sharp, flat = _edges(grey)
    return (
        same.digest(), width, height, capture_time(data), grey.mean(), grey.std(), *colours,
        sharp, flat, np.asarray(thumb),
    )  # fmt: skip


def _edges(grey: npt.NDArray[np.float32]) -> tuple[float, float]:
    """The variance of the Laplacian, and the share of pixels equal to all four neighbours."""
    if min(grey.shape) < 3:
        return 0.0, 1.0
    middle = grey[1:-1, 1:-1]
    around = (grey[:-2, 1:-1], grey[2:, 1:-1], grey[1:-1, :-2], grey[1:-1, 2:])
    laplacian = sum(around) - 4 * middle
    flat = np.logical_and.reduce([side == middle for side in around])
    return float(laplacian.var()), float(flat.mean())


def capture_time(data: bytes) -> float:
    """The capture time in the EXIF data, in seconds since 1970; NaN where there is none.

    The time zone is not known: only differences count.
    """
    try:
        with opened(data) as picture:
            exif = picture.getexif()
            tags = {**exif, **exif.get_ifd(_EXIF)}
        for tag in _TIMES:
            text = str(tags.get(tag, "")).strip("\0 ")[:19]
            if not text:
                continue
            moment = datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
            part = str(tags.get(_SUBSECONDS[tag], "")).strip("\0 ")
            return moment.timestamp() + (float(f"0.{part}") if part.isdecimal() else 0.0)
    except (
        Exception
    ):  # EXIF is whatever somebody's camera or editor wrote; without it there is none
        return float("nan")
    return float("nan")


def _stored_files(folder: Path) -> Iterator[ImageStatistics]:
    for path in sorted(folder.glob("[!.]*.npy")):
        try:
            part = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            continue  # what cannot be read is computed again
        if part.dtype == STATISTICS_DTYPE:
            yield part


def _store(folder: Path, part: ImageStatistics) -> None:
    if len(part):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{secrets.token_hex(8)}.npy"
        write_atomically(path, lambda file: np.save(file, part))
