"""Many pictures through a classifier, in order: each core reads, decodes and asks the network."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from ml.data.pixels.decode import FORMATS
from ml.data.pixels.parallel import in_batches
from ml.data.sources.archives import is_zip, open_archive
from ml.data.sources.walk import files_below, read_file
from ml.errors import BadInputError
from ml.inference.classifier import Classifier, unreadable

BATCH = 8
"""Pictures that go through the network at a time; more is slower on a CPU."""
FEW = 2
"""So many pictures are answered sooner where the network has all cores for one at a time."""


@dataclass(frozen=True)
class Source:
    """A picture somewhere: the ``name`` that it goes by, and what reads its bytes."""

    name: str
    read: Callable[[], bytes]


def load_for(folder: Path, pictures: int) -> Classifier:
    """The classifier in a model folder, made ready for so many pictures. Raises as
    ``Classifier.load`` does."""
    # A network that works on several batches at once gets more done with a core for each.
    return Classifier.load(folder, threads=0 if pictures <= FEW else 1)


def answers(
    classifier: Classifier, pictures: Iterable[Source], top_k: int = 5
) -> Iterator[dict[str, Any]]:
    """What ``Classifier.classify`` says of each, in order. A few batches are under way at a time,
    so memory does not grow with their number."""
    for batch in in_batches(partial(_answer, classifier, top_k), iter(pictures), size=BATCH):
        yield from batch


def _answer(classifier: Classifier, top_k: int, batch: list[Source]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    seen = {}
    for place, picture in enumerate(batch):
        said.append({})
        try:
            seen[place] = classifier.see(picture.read())
        except BadInputError as error:
            said[place] = unreadable(picture.name, str(error))
    if seen:
        outputs = classifier.outputs(np.stack(list(seen.values())))
        for place, output in zip(seen, outputs, strict=True):
            said[place] = classifier.tell(output, batch[place].name, top_k)
    return said


@contextmanager
def sources(paths: Iterable[Path]) -> Iterator[list[Source]]:
    """The pictures that ``paths`` name: files as they are, and whatever calls itself a picture in
    folders and zips, in order. What cannot be had is among them, and says why when it is read."""
    with ExitStack() as opened:
        found: list[Source] = []
        for path in paths:
            if path.is_dir():
                inside = (file for file in files_below(path) if is_picture(file.name))
                found += [Source(str(file), partial(_read, file)) for file in inside]
            elif is_zip(path):
                found += _of_zip(path, opened)
            else:
                found.append(Source(str(path), partial(_read, path)))
        yield found


def is_picture(name: str) -> bool:
    """Whether a file of this name calls itself a picture."""
    return PurePosixPath(name).suffix.lower() in _suffixes()


@cache
def _suffixes() -> frozenset[str]:
    known = Image.registered_extensions().items()
    # HEIC is not read yet: it is listed to be told so rather than passed over.
    return frozenset({".heic", ".heif"} | {suffix for suffix, kind in known if kind in FORMATS})


def _of_zip(path: Path, opened: ExitStack) -> list[Source]:
    try:
        archive = open_archive(path)
    except BadInputError as error:
        return [Source(str(path), partial(_refuse, str(error)))]
    opened.callback(archive.file.close)
    inside = [
        Source(f"{path}/{one.name}", one.read) for one in archive.entries if is_picture(one.name)
    ]
    refused = [Source(f"{path}/{name}", partial(_refuse, why)) for name, why in archive.refused]
    return inside + refused


def _read(path: Path) -> bytes:
    if not path.exists():
        raise BadInputError(f"There is no file {path}. Check the path.")
    return read_file(path)


def _refuse(why: str) -> bytes:
    raise BadInputError(why)
