"""Reads torchvision's sets through its own classes, which are imported when a set is read.

Torchvision compares files with the checksums of the official ones, and unpickles those of CIFAR.
Here files that differ are read all the same and named in a note, and nothing but arrays is ever
unpickled: a file from elsewhere must not run code.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ml.compat.torchvision_private import files_and_labels
from ml.data.pixels.parallel import Progress
from ml.data.pixels.png import png
from ml.data.sources.listing import Candidate, Listing
from ml.data.sources.torchvision_catalog import TorchSet
from ml.data.sources.torchvision_guard import (
    check_pickles_are_guarded,
    download_progress,
    guarded_reading,
)
from ml.data.sources.walk import clean, read_file
from ml.errors import BadInputError

STALL_SECONDS = 30.0
"""A download that stands still for so long has failed."""
# fmt: off
SIGNS = (
    "Speed limit 20", "Speed limit 30", "Speed limit 50", "Speed limit 60", "Speed limit 70",
    "Speed limit 80", "End of speed limit 80", "Speed limit 100", "Speed limit 120", "No passing",
    "No passing for trucks", "Right of way at the next crossing", "Priority road", "Yield", "Stop",
    "No vehicles", "No trucks", "No entry", "Danger", "Bend to the left", "Bend to the right",
    "Double bend", "Bumpy road", "Slippery road", "Road narrows on the right", "Road works",
    "Traffic lights", "Pedestrians", "Children crossing", "Bicycles crossing", "Ice or snow",
    "Wild animals crossing", "End of all limits", "Turn right ahead", "Turn left ahead",
    "Ahead only", "Straight ahead or right", "Straight ahead or left", "Keep right", "Keep left",
    "Roundabout", "End of no passing", "End of no passing for trucks",
)
# fmt: on
"""The signs of GTSRB by number, which torchvision leaves unnamed."""


@dataclass(frozen=True)
class Part:
    """One split of a set: ``labels`` number ``classes``; ``pictures`` are arrays (H, W) or
    (H, W, 3), or files."""

    split: str | None
    classes: Sequence[str]
    labels: Sequence[int]
    pictures: Sequence[Any]


def read(info: TorchSet, root: Path) -> Listing:
    """The pictures of the set in ``root``.

    Raises:
        BadInputError: files are missing or damaged.
    """
    unofficial: list[str] = []
    try:
        with guarded_reading(unofficial):
            parts = READERS[info.name](root, False)
            if any(len(part.labels) != len(part.pictures) for part in parts):
                raise ValueError("there are not as many pictures as labels")
    except Exception as error:  # whatever reading damaged files brings about
        raise BadInputError(
            f"The files of {info.title} in {root / info.folder} are not whole: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}. Remove them "
            "and try again, or put all of them there."
        ) from error
    classes = [clean(str(name)).strip() or "unnamed" for name in parts[0].classes]
    if any(not 0 <= label < len(classes) for part in parts for label in part.labels):
        raise BadInputError(f"The files of {info.title} in {root} have labels without a name.")
    notes: tuple[str, ...] = ()
    if unofficial:
        names = ", ".join(sorted(set(unofficial)))
        notes = (f"These are not the official files of {info.title}, by their MD5: {names}.",)
    about = {"title": info.title, "description": info.words, "licence": info.licence}
    return Listing(
        classes=tuple(dict.fromkeys(classes)),
        count=sum(len(part.labels) for part in parts),
        candidates=_candidates(parts, classes, root),
        notes=notes,
        about={key: value for key, value in about.items() if value},
    )


def download(info: TorchSet, root: Path, progress: Progress | None) -> None:
    """Have torchvision download the set into ``root``, or unpack what lies there.

    Raises:
        BadInputError: the download fails.
    """
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        with guarded_reading([]), download_progress(progress):
            READERS[info.name](root, True)
    except Exception as error:  # torchvision raises whatever comes up
        raise BadInputError(
            f"{info.title} could not be downloaded: {str(error).splitlines()[0][:200]}. Try "
            f"again later, or put its files into {root / info.folder}."
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def _candidates(parts: list[Part], classes: list[str], root: Path) -> Iterator[Candidate]:
    for part in parts:
        for number, (label, one) in enumerate(zip(part.labels, part.pictures, strict=True)):
            if isinstance(one, Path):
                file, get = one.relative_to(root).as_posix(), partial(read_file, one)
            else:
                file, get = f"{part.split or 'all'}/{number:05}", partial(_png, one)
            yield Candidate(file, classes[label], part.split, get)


def _png(array: np.ndarray) -> bytes:
    height, width = array.shape[:2]
    channels = array.shape[2] if array.ndim == 3 else 1
    return png(np.ascontiguousarray(array).tobytes(), height, width, channels)


def _cifar(kind: str, root: Path, download: bool) -> list[Part]:
    from torchvision import datasets

    check_pickles_are_guarded()
    parts = []
    for split in ("train", "test"):
        dataset = getattr(datasets, kind)(root, train=split == "train", download=download)
        parts.append(Part(split, dataset.classes, dataset.targets, dataset.data))
    return parts


def _mnist(kind: str, root: Path, download: bool) -> list[Part]:
    from torchvision import datasets

    parts = []
    for split in ("train", "test"):
        dataset = getattr(datasets, kind)(root, train=split == "train", download=download)
        names = [name.partition(" - ")[0] for name in dataset.classes]  # "0 - zero"
        parts.append(Part(split, names, dataset.targets.tolist(), dataset.data.numpy()))
    return parts


def _channels_first(kind: str, root: Path, download: bool) -> list[Part]:
    from torchvision import datasets

    parts = []
    for split in ("train", "test"):
        dataset = getattr(datasets, kind)(root, split=split, download=download)
        names = getattr(dataset, "classes", [str(digit) for digit in range(10)])
        pictures = dataset.data.transpose(0, 2, 3, 1)
        parts.append(Part(split, names, dataset.labels.tolist(), pictures))
    return parts


def _eurosat(root: Path, download: bool) -> list[Part]:
    from torchvision import datasets

    dataset = datasets.EuroSAT(root, download=download)
    files = [Path(path) for path, _ in dataset.samples]
    return [Part(None, dataset.classes, [int(label) for _, label in dataset.samples], files)]


def _flowers(root: Path, download: bool) -> list[Part]:
    from torchvision import datasets

    parts = []
    for split in ("train", "val", "test"):
        dataset = datasets.Flowers102(root, split=split, download=download)
        files, labels = files_and_labels(dataset)
        parts.append(Part(split, dataset.classes, labels, files))
    return parts


def _pets(root: Path, download: bool) -> list[Part]:
    from torchvision import datasets

    parts = []
    for split, name in (("train", "trainval"), ("test", "test")):
        dataset = datasets.OxfordIIITPet(root, split=name, download=download)
        files, labels = files_and_labels(dataset)
        parts.append(Part(split, dataset.classes, labels, files))
    return parts


def _gtsrb(root: Path, download: bool) -> list[Part]:
    from torchvision import datasets

    parts = []
    for split in ("train", "test"):
        dataset = datasets.GTSRB(root, split=split, download=download)
        files, labels = files_and_labels(dataset)
        parts.append(Part(split, SIGNS, labels, files))
    return parts


READERS: dict[str, Callable[[Path, bool], list[Part]]] = {
    "cifar10": partial(_cifar, "CIFAR10"),
    "cifar100": partial(_cifar, "CIFAR100"),
    "mnist": partial(_mnist, "MNIST"),
    "fashion_mnist": partial(_mnist, "FashionMNIST"),
    "svhn": partial(_channels_first, "SVHN"),
    "stl10": partial(_channels_first, "STL10"),
    "eurosat": _eurosat,
    "flowers102": _flowers,
    "oxford_pets": _pets,
    "gtsrb": _gtsrb,
}
