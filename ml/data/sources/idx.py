"""Loader for IDX files, the format of MNIST: checks both headers, then reads block by block."""

import gzip
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from ml.data.pixels.pixels import Facts
from ml.data.pixels.png import png
from ml.data.sources.listing import Candidate, Listing, shown, source
from ml.data.sources.walk import clean
from ml.errors import BadInputError
from ml.utils.files import read_json

MAX_IDX_PICTURES = 10_000_000
MAX_IDX_SIDE = 4096
_CHUNK_BYTES = 2**20


@dataclass(frozen=True)
class Part:
    """The two files of one part: ``name`` is train or t10k, ``split`` train or test."""

    name: str
    split: str
    images: Path
    labels: Path


@dataclass(frozen=True)
class Pair:
    """The opened part: ``count`` pictures of ``height`` x ``width`` greys, and their labels."""

    part: Part
    count: int
    height: int
    width: int
    labels: bytes

    @property
    def highest(self) -> int:
        """The highest label."""
        return max(self.labels)

    def pictures(self) -> Iterator[tuple[int, bytes]]:
        """Label and picture, as PNG, one after another.

        Raises:
            BadInputError: the file ends early or goes on after its last picture.
        """
        size = self.height * self.width
        with _open(self.part.images) as file:
            _read(file, 16, self.part.images)
            step = max(1, _CHUNK_BYTES // size)
            for start in range(0, self.count, step):
                labels = self.labels[start : start + step]
                block = _read(file, size * len(labels), self.part.images)
                for n, label in enumerate(labels):
                    yield label, png(block[n * size : (n + 1) * size], self.height, self.width)
            _at_end(file, self.part.images)


@source("idx", first=True)
def load_idx(path: Path) -> Listing | None:
    """``train-images-idx3-ubyte`` and so on, gzipped or not, in ``path`` or a ``raw`` below it."""
    places = [path, path / "raw", *sorted(path.glob("*/raw"))]
    parts = next((complete for folder in places if (complete := find(folder))), [])
    if not parts:
        return None
    about = read_json(path / "about.json")
    about = about if isinstance(about, dict) else {}
    pairs = [open_pair(part) for part in parts]
    names = _class_names([path, parts[0].labels.parent], about)
    highest = max(pair.highest for pair in pairs)
    names = names or [str(label) for label in range(highest + 1)]
    if len(names) <= highest or len(set(names)) != len(names):
        raise BadInputError(
            f"{len(names)} class names are given for labels up to {highest} in {path}. Give one "
            "name a line in classes.txt, each once."
        )
    count = sum(pair.count for pair in pairs)
    return Listing(tuple(names), count, _candidates(pairs, names), about=shown(about))


def _candidates(pairs: list[Pair], names: list[str]) -> Iterator[Candidate]:
    for pair in pairs:
        split = pair.part.split if len(pairs) > 1 else None
        facts = Facts(pair.width, pair.height, colour=False)
        for number, (label, data) in enumerate(pair.pictures()):
            file = f"{pair.part.name}/{number:05}"
            yield Candidate(file, names[label], split, partial(bytes, data), facts=facts)


def _class_names(places: list[Path], about: dict[str, Any]) -> list[str]:
    """The names of the labels, from ``classes.txt`` or ``about.json``; else empty."""
    for folder in places:
        if (folder / "classes.txt").is_file():
            lines = (folder / "classes.txt").read_text("utf-8", "replace").splitlines()
            return [clean(line.strip()) for line in lines if line.strip()]
    names = about.get("classes")
    return [clean(str(name)) for name in names] if isinstance(names, (list, dict)) else []


def find(folder: Path) -> list[Part]:
    """The parts whose two files are in ``folder``."""
    parts = []
    for name, split in (("train", "train"), ("t10k", "test")):
        images, labels = (_find(folder, name, kind) for kind in ("images-idx3", "labels-idx1"))
        if images and labels:
            parts.append(Part(name, split, images, labels))
    return parts


def open_pair(part: Part) -> Pair:
    """Check the headers of both files and read the labels.

    Raises:
        BadInputError: they are not IDX files of bytes, or do not belong together.
    """
    with _open(part.images) as file:
        magic, count, height, width = struct.unpack(">IIII", _read(file, 16, part.images))
    if magic != 0x803 or not 1 <= min(height, width) <= max(height, width) <= MAX_IDX_SIDE:
        raise BadInputError(f"{part.images.name} is not an IDX file of pictures. Download it anew.")
    with _open(part.labels) as file:
        magic, labelled = struct.unpack(">II", _read(file, 8, part.labels))
        if magic != 0x801:
            raise BadInputError(
                f"{part.labels.name} is not an IDX file of labels. Download it anew."
            )
        if labelled != count or not 1 <= count <= MAX_IDX_PICTURES:
            raise BadInputError(
                f"{part.images.name} has {count} pictures, {part.labels.name} {labelled} labels: "
                "they do not belong together. Download them anew."
            )
        labels = _read(file, count, part.labels)
        _at_end(file, part.labels)
    return Pair(part, count, height, width, labels)


def _find(folder: Path, name: str, kind: str) -> Path | None:
    for form in (f"{name}-{kind}-ubyte", f"{name}-{kind.replace('-', '.')}-ubyte"):
        for path in (folder / form, folder / f"{form}.gz"):
            if path.is_file():
                return path
    return None


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _read(file: IO[bytes], count: int, path: Path) -> bytes:
    try:
        data = file.read(count)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path.name} cannot be unpacked. Download it anew.") from error
    if len(data) != count:
        raise BadInputError(f"{path.name} is cut short. Download it anew.")
    return data


def _at_end(file: IO[bytes], path: Path) -> None:
    try:
        more = file.read(1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path.name} cannot be unpacked. Download it anew.") from error
    if more:
        raise BadInputError(f"{path.name} is longer than it says. Download it anew.")
