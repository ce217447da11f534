"""Torchvision: the file lists of its data sets, and names that its modules look up while they read.

The lists spare decoding: pictures are copied as the files that they are. Where a later torchvision
keeps them elsewhere, the pictures are decoded through its public interface instead, which is slow.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

TRIED_WITH = "torchvision 0.29.1"

log = logging.getLogger(__name__)


def files_and_labels(dataset: Any) -> tuple[Sequence[Any], list[int]]:
    """The pictures of a Flowers102, OxfordIIITPet or GTSRB and their labels.

    Returns:
        Paths and labels; where the list of files is not found, arrays (H, W, 3) that are decoded
        when they are asked for, and labels.
    """
    for files, labels in (("_image_files", "_labels"), ("_images", "_labels")):
        if hasattr(dataset, files) and hasattr(dataset, labels):
            paths = [Path(path) for path in getattr(dataset, files)]
            return paths, [int(label) for label in getattr(dataset, labels)]
    if hasattr(dataset, "_samples"):
        return [Path(path) for path, _ in dataset._samples], [int(n) for _, n in dataset._samples]
    log.warning("%s has another list of files than in %s.", type(dataset).__name__, TRIED_WITH)
    return _Decoded(dataset), [int(dataset[n][1]) for n in range(len(dataset))]


class _Decoded(Sequence[Any]):
    """The pictures of a data set as arrays, each decoded when it is asked for."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, place: Any) -> Any:
        if not 0 <= place < len(self):
            raise IndexError(place)
        return np.asarray(self._dataset[place][0].convert("RGB"))


@contextmanager
def replaced(module: Any, name: str, value: Any) -> Iterator[bool]:
    """While this lasts, ``module.name`` is ``value``; nothing changes where there is no such name.

    Yields:
        Whether there is.
    """
    if not hasattr(module, name):
        log.warning("%s has no %s, as it had in %s.", module.__name__, name, TRIED_WITH)
        yield False
        return
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield True
    finally:
        setattr(module, name, before)
