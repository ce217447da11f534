"""Read, check and keep pictures, many at once, and count what came of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from statistics import median_low
from typing import Any

from ml.data.listing import Candidate, Listing
from ml.data.parallel import BATCH, Progress, in_batches
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
    """Read, check and keep the pictures of ``listing``, which is closed then."""
    tally = Tally(refused=[{"file": file, "reason": why} for file, why in listing.refused])
    spec = prepared.spec if prepared else None
    try:
        outcomes = _taken_in(workspace, listing.candidates, spec)
        for done, (candidate, outcome) in enumerate(outcomes, 1):
            _count(tally, candidate, outcome)
            if prepared and not isinstance(outcome, str):
                prepared.add(outcome[0], outcome[3])
            if progress and (done % BATCH == 0 or done == listing.count):
                progress(min(done / max(listing.count, 1), 1.0))
    finally:
        listing.close()
    if hasattr(os, "sync"):  # all at once: the version must not outlive its pictures
        os.sync()
    return tally


def numbered(tally: Tally, classes: tuple[str, ...]) -> tuple[Item, ...]:
    """The items, each with the number of its class in ``classes``."""
    number = {label: n for n, label in enumerate(classes)}
    return tuple(
        item._replace(label=number[label])
        for item, label in zip(tally.rows.values(), tally.labels, strict=True)
    )


_Outcome = tuple[str, Facts, int, Pixels | None] | str


def _taken_in(
    workspace: Workspace, candidates: Iterator[Candidate], spec: PixelSpec | None
) -> Iterator[tuple[Candidate, _Outcome]]:
    """Each candidate, in order, with hash, facts, bytes and pixels, or with the reason why not."""

    def take(batch: list[Candidate]) -> list[tuple[Candidate, _Outcome]]:
        return [(candidate, _take(workspace, candidate, spec)) for candidate in batch]

    return chain.from_iterable(in_batches(take, candidates))


def _take(workspace: Workspace, candidate: Candidate, spec: PixelSpec | None) -> _Outcome:
    pixels = None
    try:
        data = candidate.read()
        if spec:
            facts, pixels = look_and_fit(data, spec)
        else:
            facts = candidate.facts or look(data)
    except BadInputError as error:
        return str(error)
    return write_picture(workspace, data), facts, len(data), pixels


def _count(tally: Tally, candidate: Candidate, outcome: _Outcome) -> None:
    if isinstance(outcome, str):
        tally.refused.append({"file": candidate.file, "reason": outcome})
        return
    digest, facts, size, _ = outcome
    key = (digest, candidate.label, candidate.split)
    if key in tally.rows:
        tally.twice += 1
        return
    item = Item(digest, 0, candidate.split, candidate.file, candidate.group, facts.notes)
    tally.rows[key] = item
    tally.labels.append(candidate.label)
    tally.facts.append(facts)
    tally.bytes += size
