"""Read, check and keep pictures, many at once."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, tee

from ml.data.ingest.prefetch_pixels import Prepared
from ml.data.ingest.take_in_counts import Taken, Tally
from ml.data.pixels.cache import Rows
from ml.data.pixels.parallel import Progress, in_batches
from ml.data.pixels.pixels import Facts, Pixels, PixelSpec, look, look_and_fit
from ml.data.sources.listing import Listing
from ml.data.store.versions import write_picture
from ml.errors import BadInputError
from ml.workspace import Workspace


def take_in(
    workspace: Workspace,
    listing: Listing,
    progress: Progress | None = None,
    prepared: Prepared | None = None,
) -> Tally:
    """Read, check and keep the pictures of ``listing``, which is closed then. ``wait`` on what
    comes back before a version names them."""
    tally = Tally(workspace.datasets / ".ingests", listing.refused)
    taker = Taker(workspace)
    if prepared:
        taker = Taker(workspace, prepared.spec, prepared.rows)
    candidates, copies = tee(listing.candidates)
    done = 0
    try:
        numbered = ((n, one.read, one.facts) for n, one in enumerate(copies))
        for outcomes in in_batches(taker, numbered, count=listing.count):
            for candidate, outcome in zip(islice(candidates, len(outcomes)), outcomes, strict=True):
                if isinstance(outcome, Taken):
                    tally.add(candidate, outcome)
                else:
                    tally.refuse(candidate.file, outcome)
            if prepared:
                _name_rows(prepared, outcomes)
            done += len(outcomes)
            if progress:
                progress(min(done / max(listing.count, 1), 1.0))
    finally:
        listing.close()
    tally.close()
    return tally


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
