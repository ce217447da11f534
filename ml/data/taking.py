"""Read, check and keep pictures, many at once, and count what came of it."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice, tee
from statistics import median_low
from typing import Any

from ml.data.cache import Rows
from ml.data.listing import Candidate, Listing
from ml.data.parallel import Progress, in_batches
from ml.data.pixels import Facts, Pixels, PixelSpec, look, look_and_fit
from ml.data.prepared import Prepared
from ml.data.store import Item, write_picture
from ml.errors import BadInputError
from ml.workspace import Workspace


@dataclass
class Tally:
    """What has been taken in: ``items`` with the name of the class of each in ``labels``."""

    rows: dict[tuple[str, str, str | None], Item] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    bytes: int = 0
    twice: int = 0
    _syncing: threading.Thread | None = None

    def sync(self) -> None:
        """Have the disk keep what was written; ``wait`` for it before a version names it."""
        if hasattr(os, "sync"):  # all at once is faster than each
            self._syncing = threading.Thread(target=os.sync)
            self._syncing.start()

    def wait(self) -> None:
        """Return once ``sync`` is done: a version must not outlive its pictures."""
        if self._syncing:
            self._syncing.join()

    @property
    def about(self) -> dict[str, Any]:
        """Medians of the sizes, whether there are colours, and bytes of all pictures."""
        if not self.facts:
            return {"width": 0, "height": 0, "colour": False, "bytes": 0}
        return {
            "width": median_low(facts.width for facts in self.facts),
            "height": median_low(facts.height for facts in self.facts),
            "colour": any(facts.colour for facts in self.facts),
            "bytes": self.bytes,
        }


def take_in(
    workspace: Workspace,
    listing: Listing,
    progress: Progress | None = None,
    prepared: Prepared | None = None,
) -> Tally:
    """Read, check and keep the pictures of ``listing``, which is closed then. ``wait`` on what
    comes back before a version names them."""
    tally = Tally(refused=[{"file": file, "reason": why} for file, why in listing.refused])
    taker = Taker(workspace)
    if prepared:
        taker = Taker(workspace, prepared.spec, prepared.rows)
    candidates, copies = tee(listing.candidates)
    done = 0
    try:
        numbered = ((n, one.read, one.facts) for n, one in enumerate(copies))
        for outcomes in in_batches(taker, numbered, count=listing.count):
            for candidate, outcome in zip(islice(candidates, len(outcomes)), outcomes, strict=True):
                _count(tally, candidate, outcome)
            if prepared:
                _name_rows(prepared, outcomes)
            done += len(outcomes)
            if progress:
                progress(min(done / max(listing.count, 1), 1.0))
    finally:
        listing.close()
    tally.sync()
    return tally


def numbered(tally: Tally, classes: tuple[str, ...]) -> tuple[Item, ...]:
    """The items, each with the number of its class in ``classes``."""
    number = {label: n for n, label in enumerate(classes)}
    return tuple(
        item._replace(label=number[label])
        for item, label in zip(tally.rows.values(), tally.labels, strict=True)
    )


@dataclass(frozen=True)
class Taken:
    """A picture that was kept. ``row`` tells whether its pixels were written: False only where
    they should have been and could not."""

    digest: str
    facts: Facts
    bytes: int
    row: bool = True


@dataclass(frozen=True)
class Taker:
    """Reads, checks and keeps batches of pictures, in whatever process it is sent to.

    With ``spec``, the pixels of the picture ``n`` are written to the row ``n`` of ``rows``.
    """

    workspace: Workspace
    spec: PixelSpec | None = None
    rows: Rows | None = None

    def __call__(
        self, batch: list[tuple[int, Callable[[], bytes], Facts | None]]
    ) -> list[Taken | str]:
        """What each picture is, or the reason why it is refused.

        Args:
            batch: the number of each, what reads it, and what is known of it already.

        Raises:
            WorkspaceError: the disk is full or cannot be written to.
        """
        return [self._take(*one) for one in batch]

    def _take(self, number: int, read: Callable[[], bytes], facts: Facts | None) -> Taken | str:
        pixels = None
        try:
            data = read()
            if self.spec:
                facts, pixels = look_and_fit(data, self.spec)
            else:
                facts = facts or look(data)
        except BadInputError as error:
            return str(error)
        digest = write_picture(self.workspace, data)
        return Taken(digest, facts, len(data), pixels is None or self._keep(number, pixels))

    def _keep(self, number: int, pixels: Pixels) -> bool:
        try:
            if self.rows:
                self.rows.write(number, pixels)
        except OSError:  # they can be made again
            return False
        return True


def _name_rows(prepared: Prepared, outcomes: list[Taken | str]) -> None:
    """Tell whose pixels the rows of a batch hold, or end it where one could not be written."""
    if any(isinstance(one, Taken) and not one.row for one in outcomes):
        prepared.abandon()
    prepared.name("" if isinstance(one, str) else one.digest for one in outcomes)


def _count(tally: Tally, candidate: Candidate, outcome: Taken | str) -> None:
    if isinstance(outcome, str):
        tally.refused.append({"file": candidate.file, "reason": outcome})
        return
    facts = outcome.facts
    key = (outcome.digest, candidate.label, candidate.split)
    if key in tally.rows:
        tally.twice += 1
        return
    item = Item(outcome.digest, 0, candidate.split, candidate.file, candidate.group, facts.notes)
    tally.rows[key] = item
    tally.labels.append(candidate.label)
    tally.facts.append(facts)
    tally.bytes += outcome.bytes
