"""Take in pictures: read, check and store them, many at once."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, tee

from ml.data.ingest.intake import AcceptedPicture, Intake
from ml.data.ingest.prefetch_pixels import PixelPrefetch
from ml.data.pixels.cache import RowWriter
from ml.data.pixels.parallel import Progress, in_batches
from ml.data.pixels.pixels import Facts, Pixels, PixelSpec, facts_and_pixels, read_facts
from ml.data.sources.listing import Listing
from ml.data.store.versions import write_picture
from ml.errors import BadInputError
from ml.workspace import Workspace


def take_in(
    workspace: Workspace,
    listing: Listing,
    progress: Progress | None = None,
    prefetch: PixelPrefetch | None = None,
) -> Intake:
    """Read, check and store the pictures of ``listing``, and close it.

    Call ``wait_for_disk`` of the result before a version names the pictures.
    """
    intake = Intake(workspace.datasets / ".ingests", listing.refused)
    batch_intake = BatchIntake(workspace)
    if prefetch:
        batch_intake = BatchIntake(workspace, prefetch.spec, prefetch.rows)
    candidates, copies = tee(listing.candidates)
    count_done = 0
    try:
        numbered = (
            (n, candidate_copy.read, candidate_copy.facts)
            for n, candidate_copy in enumerate(copies)
        )
        for outcomes in in_batches(batch_intake, numbered, count=listing.count):
            for candidate, outcome in zip(islice(candidates, len(outcomes)), outcomes, strict=True):
                if isinstance(outcome, AcceptedPicture):
                    intake.add(candidate, outcome)
                else:
                    intake.refuse(candidate.file, outcome)
            if prefetch:
                _name_rows(prefetch, outcomes)
            count_done += len(outcomes)
            if progress:
                progress(min(count_done / max(listing.count, 1), 1.0))
    finally:
        listing.close()
    intake.close()
    return intake


@dataclass(frozen=True)
class BatchIntake:
    """Reads, checks and stores batches of pictures, in this process or another.

    With ``spec``, the pixels of the picture ``n`` are written to the row ``n`` of ``rows``.
    """

    workspace: Workspace
    spec: PixelSpec | None = None
    rows: RowWriter | None = None

    def __call__(
        self, batch: list[tuple[int, Callable[[], bytes], Facts | None]]
    ) -> list[AcceptedPicture | str]:
        """An ``AcceptedPicture`` or the reason of a refusal for each picture.

        Args:
            batch: the number of each picture, a function that reads it, and its facts if known.

        Raises:
            WorkspaceError: the disk is full or cannot be written to.
        """
        return [self._take_in_one(*picture) for picture in batch]

    def _take_in_one(
        self, number: int, read: Callable[[], bytes], facts: Facts | None
    ) -> AcceptedPicture | str:
        pixels = None
        try:
            data = read()
            if self.spec:
                facts, pixels = facts_and_pixels(data, self.spec)
            else:
                facts = facts or read_facts(data)
        except BadInputError as error:
            return str(error)
        digest = write_picture(self.workspace, data)
        return AcceptedPicture(
            digest, facts, len(data), pixels is None or self._write_row(number, pixels)
        )

    def _write_row(self, number: int, pixels: Pixels) -> bool:
        try:
            if self.rows:
                self.rows.write(number, pixels)
        except OSError:  # training prepares missing pixels itself
            return False
        return True


def _name_rows(prefetch: PixelPrefetch, outcomes: list[AcceptedPicture | str]) -> None:
    """Name the rows of a batch, or end the prefetch if a row could not be written."""
    if any(
        isinstance(outcome, AcceptedPicture) and not outcome.row_written for outcome in outcomes
    ):
        prefetch.abandon()
    prefetch.name_rows("" if isinstance(outcome, str) else outcome.digest for outcome in outcomes)
