"""Intake: the accepted and refused pictures of an ingest, packed in columns."""

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.data.pixels.pixels import Facts
from ml.data.sources.listing import Candidate
from ml.data.store.item import Item
from ml.data.store.item_arrays import labels_of, pictures_of, splits_of
from ml.data.store.packed_items import PackedItems
from ml.data.store.packer import Packer, SpilledColumn, pack

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AcceptedPicture:
    """A picture that was stored. ``row_written`` is False if its pixels could not be written."""

    digest: str
    facts: Facts
    bytes: int
    row_written: bool = True


class Intake:
    """Collects the pictures of an ingest.

    ``refused`` is [{file, reason}]. After ``close``, ``items`` are the accepted pictures, whose
    labels index ``label_names``, and ``repeats`` counts those that came again under one label.

    Args:
        folder: where long columns spill to.
        refused: files and reasons that are known already.
    """

    def __init__(self, folder: Path, refused: Iterable[tuple[str, str]] = ()) -> None:
        self.refused = [{"file": file, "reason": reason} for file, reason in refused]
        self.label_names: list[str] = []
        self.repeats, self._colour = 0, False
        self._folder, self._packer = folder, Packer(folder)
        self._label: dict[str, int] = {}
        self._sizes = [SpilledColumn("q", folder) for _ in range(3)]
        self._syncing: threading.Thread | None = None
        self.items: PackedItems
        self._width: Numbers
        self._height: Numbers
        self._bytes: Numbers

    def add(self, candidate: Candidate, picture: AcceptedPicture) -> None:
        """Add a picture that was stored."""
        label = self._label.setdefault(candidate.label, len(self._label))
        facts, split, group = picture.facts, candidate.split, candidate.group
        # Sizes first: the packer spills all columns when its buffers are full.
        for spool, size in zip(
            self._sizes, (facts.width, facts.height, picture.bytes), strict=True
        ):
            spool.add(size)
        self._colour = self._colour or facts.colour
        self._packer.add(Item(picture.digest, label, split, candidate.file, group, facts.notes))

    def refuse(self, file: str, reason: str) -> None:
        """Add a file that was refused."""
        self.refused.append({"file": file, "reason": reason})

    def close(self) -> None:
        """End the collection: drop repeats and start to flush the disk, see ``wait_for_disk``."""
        if hasattr(os, "sync"):  # one sync for all files is faster than one a file
            self._syncing = threading.Thread(target=os.sync)
            self._syncing.start()
        self.label_names = list(self._label)
        self.items = self._packer.finish()
        self._width, self._height, self._bytes = (spool.column() for spool in self._sizes)
        is_first = _first_occurrences(self.items)
        self.repeats = int((~is_first).sum())
        self.select(is_first)

    def wait_for_disk(self) -> None:
        """Wait until all pictures are on the disk: a version must not outlive its pictures."""
        if self._syncing:
            self._syncing.join()

    def select(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Drop all items but the ``chosen``: bool (items,)."""
        if chosen.all():
            return
        self.items = pack(compress(self.items, chosen.tolist()), self._folder)
        self._width, self._height = self._width[chosen], self._height[chosen]
        self._bytes = self._bytes[chosen]

    @property
    def accepted_classes(self) -> list[str]:
        """The classes that have an item, in the order in which they first came."""
        counts = np.bincount(self.items.columns["label"], minlength=len(self.label_names))
        return [
            name for name, count in zip(self.label_names, counts.tolist(), strict=True) if count
        ]

    @property
    def about(self) -> dict[str, Any]:
        """``width`` and ``height`` (medians, pixels), ``colour``, ``bytes`` (of all pictures)."""
        if not len(self.items):
            return {"width": 0, "height": 0, "colour": False, "bytes": 0}
        return {
            "width": _low_median(self._width),
            "height": _low_median(self._height),
            "colour": self._colour,
            "bytes": int(self._bytes.sum()),
        }

    def labelled_by(self, classes: tuple[str, ...]) -> PackedItems:
        """The items with labels that index ``classes``."""
        label_of = {label: n for n, label in enumerate(classes)}
        labels = np.array([label_of.get(name, -1) for name in self.label_names], np.int32)
        return self.items.with_column("label", labels[self.items.columns["label"]])


def _first_occurrences(items: PackedItems) -> npt.NDArray[np.bool_]:
    """Whether each item is the first of its picture, label and split: bool (items,)."""
    is_first = np.ones(len(items), np.bool_)
    pictures = pictures_of(items)
    if len(items) and int(pictures.max()) + 1 < len(items):
        labels, splits = labels_of(items), splits_of(items).astype(np.int64)
        keys = (pictures * (int(labels.max()) + 1) + labels) * 4 + splits + 1
        is_first[:] = False
        is_first[np.unique(keys, return_index=True)[1]] = True
    return is_first


def _low_median(sizes: Numbers) -> int:
    """The median, or the lower of the two middle values."""
    middle = (len(sizes) - 1) // 2
    return int(np.partition(sizes, middle)[middle])
