"""Pixels prepared while pictures come in, so that training starts without reading them again.

Which pixels a network will want, the caller says, from the shape of the first pictures. Where all
pictures turn out to want others, the time that preparing took is lost, no more.
"""

import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from filelock import FileLock

from ml.data.pixels.cache import Rows, Writer
from ml.data.pixels.pixels import PixelSpec, look
from ml.data.sources.listing import Candidate
from ml.errors import BadInputError
from ml.workspace import Workspace

MOST_BYTES = 8 * 2**30
MOST_SHARE = 0.25
"""Of the free disk."""
SIDES = ("width", "height")


@dataclass(frozen=True)
class Shape:
    """What the recipes ask about a data set; medians, in pixels."""

    pictures: int
    width: int
    height: int
    colour: bool


PixelsFor = Callable[[Shape], PixelSpec]
"""Which pixels training on pictures of such a shape wants."""


def shape_of_sample(candidates: Iterable[Candidate], count: int) -> Shape | None:
    """The shape of ``count`` pictures, from the few ``candidates``; None where none is readable."""
    facts = []
    for one in candidates:
        with suppress(BadInputError):
            facts.append(one.facts or look(one.read()))
    if not facts:
        return None
    width, height = (median_low([getattr(one, side) for one in facts]) for side in SIDES)
    return Shape(count, width, height, any(one.colour for one in facts))


class Prepared:
    """Writes pixels to the cache of the data set in ``folder``. An error ends it, and nothing else:
    whatever is missing is prepared before training."""

    def __init__(self, folder: Path, spec: PixelSpec, count: int) -> None:
        self.folder, self.spec = folder / "cache" / spec.key, spec
        self._writer: Writer | None = None
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = Writer(self.folder, spec, count)

    @property
    def rows(self) -> Rows | None:
        """Where the pixels are to be written; None once it has ended."""
        return self._writer.rows if self._writer else None

    def name(self, digests: Iterable[str]) -> None:
        """Say whose the next rows are, which have been written. An empty name is nobody's."""
        if self._writer is None:
            return
        try:
            self._writer.name(list(digests))
        except OSError:
            self.abandon()

    def finish(self, spec: PixelSpec | None) -> None:
        """Publish the rows, if ``spec`` is what was guessed."""
        if self._writer is None or spec != self.spec:
            self.abandon()
            return
        try:
            with FileLock(self.folder / ".lock"):
                self._writer.finish()
            self._writer = None
        except OSError:
            self.abandon()

    def abandon(self) -> None:
        """Leave nothing behind."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
            with suppress(OSError):  # not empty: others are in there
                for folder in (self.folder, self.folder.parent, self.folder.parent.parent):
                    folder.rmdir()


def fits(workspace: Workspace, spec: PixelSpec, count: int) -> bool:
    """Whether there is room enough on the disk for the pixels of ``count`` pictures."""
    size = count * spec.size * spec.size * spec.channels
    return size < min(MOST_BYTES, MOST_SHARE * shutil.disk_usage(workspace.root).free)
