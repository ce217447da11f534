"""Batch inference: many pictures from files, folders and zips, classified in order on all cores."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image

from ml.data.pixels.decode import FORMATS
from ml.data.pixels.parallel import in_batches
from ml.data.pixels.pixels import Pixels
from ml.data.sources.archives import is_zip, open_archive
from ml.data.sources.walk import files_below, read_file
from ml.errors import BadInputError
from ml.inference.classifier import Classifier, classify_batch

BATCH = 8
"""Pictures that go through the network at a time; more is slower on a CPU."""
MAX_PICTURES_FOR_ALL_CORES = 2
"""Up to so many pictures take less time where the network has all cores for one at a time."""


@dataclass(frozen=True)
class Source:
    """A picture to classify: its ``name``, and what reads its bytes."""

    name: str
    read: Callable[[], bytes]


def load_for(folder: Path, pictures: int) -> Classifier:
    """The classifier in a model folder, with the threads that suit so many pictures. Raises as
    ``Classifier.load`` does."""
    # A network that works on several batches at once gets more done with a core for each.
    return Classifier.load(folder, threads=0 if pictures <= MAX_PICTURES_FOR_ALL_CORES else 1)


def classify_sources(
    classifier: Classifier, pictures: Iterable[Source], top_k: int = 5
) -> Iterator[dict[str, Any]]:
    """The answer of ``Classifier.classify`` for each picture, in order.

    A few batches are under way at a time, so memory does not grow with the number of pictures.
    """

    def classified(batch: list[Source]) -> list[dict[str, Any]]:
        named = [(one.name, partial(_seen, classifier, one)) for one in batch]
        return classify_batch(classifier, named, top_k=top_k)

    for answers in in_batches(classified, iter(pictures), size=BATCH):
        yield from answers


def _seen(classifier: Classifier, picture: Source) -> Pixels:
    return classifier.see(picture.read())


@contextmanager
def sources(paths: Iterable[Path]) -> Iterator[list[Source]]:
    """The pictures at ``paths``, in order: each file, and the pictures in each folder and zip.

    A source that cannot be read is among them: its ``read`` raises BadInputError.
    """
    with ExitStack() as opened:
        pictures: list[Source] = []
        for path in paths:
            if path.is_dir():
                inside = (file for file in files_below(path) if is_picture(file.name))
                pictures += [Source(str(file), partial(_read, file)) for file in inside]
            elif is_zip(path):
                pictures += _of_zip(path, opened)
            else:
                pictures.append(Source(str(path), partial(_read, path)))
        yield pictures


def is_picture(name: str) -> bool:
    """Whether a file name ends as those of pictures do."""
    return PurePosixPath(name).suffix.lower() in _suffixes()


@cache
def _suffixes() -> frozenset[str]:
    extensions = Image.registered_extensions().items()
    # HEIC is not read yet: it is listed, so that the user is told so.
    return frozenset(
        {".heic", ".heif"} | {suffix for suffix, kind in extensions if kind in FORMATS}
    )


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
