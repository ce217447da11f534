"""What came of the pictures that were taken in, in columns: no object is kept for each."""

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
class Taken:
    """A picture that was kept. ``row`` tells whether its pixels were written: False only where
    they should have been and could not."""

    digest: str
    facts: Facts
    bytes: int
    row: bool = True


class Tally:
    """Counts what is taken in; after ``close`` it has the ``items``, whose labels are places in
    ``names``, those that were ``refused`` and how many came ``twice``.

    Args:
        folder: where much of it goes meanwhile.
        refused: files and reasons that are known already.
    """

    def __init__(self, folder: Path, refused: Iterable[tuple[str, str]] = ()) -> None:
        self.refused = [{"file": file, "reason": why} for file, why in refused]
        self.names: list[str] = []
        self.twice, self._colour = 0, False
        self._folder, self._packer = folder, Packer(folder)
        self._label: dict[str, int] = {}
        self._sizes = [SpilledColumn("q", folder) for _ in range(3)]
        self._syncing: threading.Thread | None = None
        self.items: PackedItems
        self._width: Numbers
        self._height: Numbers
        self._bytes: Numbers

    def add(self, candidate: Candidate, taken: Taken) -> None:
        """A picture was kept."""
        label = self._label.setdefault(candidate.label, len(self._label))
        facts, split, group = taken.facts, candidate.split, candidate.group
        # Sizes first: with a full batch the packer writes what it holds.
        for spool, size in zip(self._sizes, (facts.width, facts.height, taken.bytes), strict=True):
            spool.add(size)
        self._colour = self._colour or facts.colour
        self._packer.add(Item(taken.digest, label, split, candidate.file, group, facts.notes))

    def refuse(self, file: str, why: str) -> None:
        """A file was not kept."""
        self.refused.append({"file": file, "reason": why})

    def close(self) -> None:
        """Nothing is added any more. What came twice counts once, and the disk is told to keep what
        was written: ``wait`` for it before a version names it."""
        if hasattr(os, "sync"):  # all at once is faster than each
            self._syncing = threading.Thread(target=os.sync)
            self._syncing.start()
        self.names = list(self._label)
        self.items = self._packer.finish()
        self._width, self._height, self._bytes = (spool.column() for spool in self._sizes)
        once = _first_ones(self.items)
        self.twice = int((~once).sum())
        self.keep(once)

    def wait(self) -> None:
        """Return once the disk has it: a version must not outlive its pictures."""
        if self._syncing:
            self._syncing.join()

    def keep(self, chosen: npt.NDArray[np.bool_]) -> None:
        """Leave out all items but the ``chosen`` (items,)."""
        if chosen.all():
            return
        self.items = pack(compress(self.items, chosen.tolist()), self._folder)
        self._width, self._height = self._width[chosen], self._height[chosen]
        self._bytes = self._bytes[chosen]

    @property
    def taken(self) -> list[str]:
        """The classes that have an item, in the order in which they first came."""
        held = np.bincount(self.items.columns["label"], minlength=len(self.names))
        return [name for name, count in zip(self.names, held.tolist(), strict=True) if count]

    @property
    def about(self) -> dict[str, Any]:
        """Medians of the sizes, whether there are colours, and bytes of all pictures."""
        if not len(self.items):
            return {"width": 0, "height": 0, "colour": False, "bytes": 0}
        return {
            "width": _middle(self._width),
            "height": _middle(self._height),
            "colour": self._colour,
            "bytes": int(self._bytes.sum()),
        }

    def numbered(self, classes: tuple[str, ...]) -> PackedItems:
        """The items, each with the number of its class in ``classes``."""
        number = {label: n for n, label in enumerate(classes)}
        table = np.array([number.get(name, -1) for name in self.names], np.int32)
        return self.items.with_column("label", table[self.items.columns["label"]])


def _first_ones(items: PackedItems) -> npt.NDArray[np.bool_]:
    """Whether each item is the first of its picture, label and split."""
    chosen = np.ones(len(items), np.bool_)
    pictures = pictures_of(items)
    if len(items) and int(pictures.max()) + 1 < len(items):
        labels, splits = labels_of(items), splits_of(items).astype(np.int64)
        keys = (pictures * (int(labels.max()) + 1) + labels) * 4 + splits + 1
        chosen[:] = False
        chosen[np.unique(keys, return_index=True)[1]] = True
    return chosen


def _middle(sizes: Numbers) -> int:
    """The median; the lower of two."""
    place = (len(sizes) - 1) // 2
    return int(np.partition(sizes, place)[place])
