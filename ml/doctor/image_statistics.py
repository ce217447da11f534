"""What one look at a picture tells: its sizes, time, light, sharpness, and a thumbnail.

Each picture is decoded once, however many data sets and versions it is in: what was seen is kept by
its hash, in ``features/looks-<n>``, as parts of structured arrays.
"""

import hashlib
import io
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ml.data.pixels.decode import FORMATS, load
from ml.data.pixels.parallel import Progress, in_batches
from ml.data.store.originals import read_picture
from ml.errors import BadInputError
from ml.utils.files import write_atomically
from ml.workspace import Workspace

SIDE = 64
"""Thumbnails are grey squares of so many pixels, squeezed: nothing is cut off."""
WORKING = 256
"""What is measured is measured at this longer side, so that sizes do not matter."""
PART = 4096
_TIMES = (36867, 36868, 306)  # taken, digitised, changed
_SUBSECONDS = {36867: 37521, 36868: 37522, 306: 37520}
_EXIF = 0x8769

LOOK = np.dtype(
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
        ("thumb", "u1", (SIDE, SIDE)),
    ]
)
VERSION = 1

Looks = npt.NDArray[Any]
"""Of ``LOOK``, one row a picture."""


def look_at(workspace: Workspace, hashes: list[str], progress: Progress | None = None) -> Looks:
    """The looks at ``hashes``, in their order. A picture that is damaged by now has width 0.

    Raises:
        WorkspaceError: the disk is full or cannot be written to.
    """
    folder = workspace.features / f"looks-{VERSION}"
    found = np.zeros(len(hashes), LOOK)
    row_of = {digest: row for row, digest in enumerate(hashes)}
    for part in _parts(folder):
        names = part["hash"].astype(str).tolist()
        pairs = [(row_of.pop(name), at) for at, name in enumerate(names) if name in row_of]
        if pairs:
            rows, places = (np.array(side) for side in zip(*pairs, strict=True))
            found[rows] = part[places]
    done, missing = 0, list(row_of)
    for start in range(0, len(missing), PART):
        lacking, made = missing[start : start + PART], []
        for some in in_batches(partial(_look_at_all, workspace), iter(lacking)):
            made += some
            done += len(some)
            if progress:
                progress(done / len(missing))
        part = np.array(made, LOOK)
        found[[row_of[digest] for digest in lacking]] = part
        _keep(folder, part[part["width"] > 0])
    return found


def _look_at_all(workspace: Workspace, hashes: list[str]) -> list[tuple[Any, ...]]:
    return [_look(workspace, digest) for digest in hashes]


def _look(workspace: Workspace, digest: str) -> tuple[Any, ...]:
    try:
        data = read_picture(workspace, digest)
        picture, (width, height), _ = load(data, at_least=WORKING)
    except BadInputError:
        return (digest, *np.zeros((), LOOK).item()[1:])
    same = hashlib.sha256(f"{width}x{height} {picture.mode} ".encode() + picture.tobytes())
    thumb = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    picture.thumbnail((WORKING, WORKING), Image.Resampling.BILINEAR)
    grey = np.asarray(picture.convert("L"), np.float32)
    colours = np.asarray(picture.convert("RGB").reduce(4), np.float32).reshape(-1, 3).mean(0)
    sharp, flat = _edges(grey)
    return (
        digest, same.digest(), width, height, taken(data), grey.mean(), grey.std(), *colours, sharp,
        flat, np.asarray(thumb),
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


def taken(data: bytes) -> float:
    """When the camera says the picture was taken: seconds since 1970; not a number if it does not.

    The zone is not known, and does not matter to what lies seconds apart.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
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


def _parts(folder: Path) -> Iterator[Looks]:
    for path in sorted(folder.glob("[!.]*.npy")):
        try:
            part = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            continue  # a part that cannot be read is looked at again
        if part.dtype == LOOK:
            yield part


def _keep(folder: Path, part: Looks) -> None:
    if len(part):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{secrets.token_hex(8)}.npy"
        write_atomically(path, lambda file: np.save(file, part))
