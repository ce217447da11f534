"""Prefetch of pixels: an ingest fills the pixel cache, so that training starts at once.

The caller chooses the pixels from the shape of a sample. If the whole data set turns out to want
other pixels, the prefetched ones are thrown away.
"""

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from ml.data.pixels.cache import CacheWriter, RowWriter
from ml.data.pixels.pixels import PixelSpec, read_facts
from ml.data.sources.listing import Candidate
from ml.errors import BadInputError, WorkspaceError
from ml.utils.locks import held
from ml.workspace import Workspace

MAX_PREFETCH_BYTES = 8 * 2**30
MAX_DISK_SHARE = 0.25
"""The share of the free disk that prefetched pixels may take."""
SIDES = ("width", "height")


@dataclass(frozen=True)
class DatasetShape:
    """The number of pictures of a data set, their median size in pixels, and whether any has
    colours: what the recipes choose by."""

    pictures: int
    width: int
    height: int
    colour: bool


PixelsFor = Callable[[DatasetShape], PixelSpec]
"""The pixels that training wants on pictures of such a shape."""


def shape_of_sample(candidates: Iterable[Candidate], count: int) -> DatasetShape | None:
    """The shape of ``count`` pictures, from the sample ``candidates``; None if none is readable."""
    facts = []
    for entry in candidates:
        with suppress(BadInputError):
            facts.append(entry.facts or read_facts(entry.read()))
    if not facts:
        return None
    width, height = (median_low([getattr(entry, side) for entry in facts]) for side in SIDES)
    return DatasetShape(count, width, height, any(entry.colour for entry in facts))


class PixelPrefetch:
    """Writes pixels to the cache of the data set in ``folder``.

    An error of the disk ends the prefetch only: training prepares missing pixels itself.
    """

    def __init__(self, folder: Path, spec: PixelSpec, count: int) -> None:
        self.folder, self.spec = folder / "cache" / spec.key, spec
        self._writer: CacheWriter | None = None
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = CacheWriter(self.folder, spec, count)

    @property
    def rows(self) -> RowWriter | None:
        """The rows to write pixels to; None once the prefetch has ended."""
        return self._writer.rows if self._writer else None

    def name_rows(self, digests: Iterable[str]) -> None:
        """Name the pictures of the next written rows by hash; an empty name skips a row."""
        if self._writer is None:
            return
        try:
            self._writer.name_rows(list(digests))
        except OSError:
            self.abandon()

    def finish(self, spec: PixelSpec | None) -> None:
        """Publish the rows if ``spec`` is that of the prefetch, or throw them away."""
        if self._writer is None or spec != self.spec:
            self.abandon()
            return
        try:
            with held(self.folder / ".lock"):
                self._writer.finish()
            self._writer = None
        except (OSError, WorkspaceError):
            self.abandon()

    def abandon(self) -> None:
        """Remove all that was written."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
            with suppress(OSError):  # not empty
                for folder in (self.folder, self.folder.parent, self.folder.parent.parent):
                    folder.rmdir()


def has_room(workspace: Workspace, spec: PixelSpec, count: int) -> bool:
    """Whether the disk has room for the pixels of ``count`` pictures."""
    size = count * spec.size * spec.size * spec.channels
    return size < min(MAX_PREFETCH_BYTES, MAX_DISK_SHARE * shutil.disk_usage(workspace.root).free)
