"""Bring pictures into the workspace: each looked at whole, kept once, listed in a version.

What cannot be read is refused with its reason and never stops the rest. Nothing is seen by others
until the version file is written, in one step, at the end.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path, PurePath
from statistics import median_low
from typing import Any

from ml.data import remarks
from ml.data.listing import LAYOUT, Candidate, Listing
from ml.data.parallel import BATCH, Progress, in_batches
from ml.data.pixels import Facts, Pixels, PixelSpec, look, look_and_fit
from ml.data.prepared import Prepared, fits, guess, wanted
from ml.data.sources import list_source
from ml.data.splits import pin_test
from ml.data.store import (
    DatasetVersion,
    Item,
    latest,
    load_version,
    read_summary,
    write_picture,
    write_version,
)
from ml.data.sweep import taking_in
from ml.errors import BadInputError
from ml.workspace import Workspace

_BROUGHT = "Brought in"
SAMPLE = 16
"""Pictures looked at first, to guess what pixels will be wanted."""


@dataclass(frozen=True)
class Ingested:
    """The version made, what was ``refused`` [{file, reason}], ``notes`` in plain words, what was
    ``changed`` by decoding [{file, change}], and how many pictures were ``accepted``."""

    version: DatasetVersion
    refused: list[dict[str, str]]
    notes: list[str]
    changed: list[dict[str, str]] = field(default_factory=list)
    accepted: int = 0


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


def ingest(
    workspace: Workspace,
    origin: Path | Listing,
    name: str,
    *,
    least: int = 2,
    source: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Ingested:
    """Bring the pictures of ``origin`` in as the next version of the data set ``name``.

    One picture twice under one label in one split is kept once; under two labels it stays under
    both. ``source`` is remembered with the version; ``progress`` is called with 0 to 1.

    Raises:
        BadInputError: fewer than ``least`` classes have a picture that can be read.
        WorkspaceError: the disk is full or cannot be written to.
    """
    listing = origin if isinstance(origin, Listing) else list_source(origin)
    with taking_in(workspace):
        earlier = load_version(workspace, name) if latest(workspace, name) else None
        prepared = None
        if not earlier and least > 1:  # one class alone trains nothing
            listing, prepared = _prepare(workspace, name, listing)
        try:
            tally = take_in(workspace, listing, progress, prepared)
            made = _version(workspace, name, listing, tally, least, source, earlier)
            if prepared:
                prepared.finish(wanted(tally.facts, len(tally.facts)))
        finally:
            if prepared:
                prepared.abandon()
        return made


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


def _version(
    workspace: Workspace,
    name: str,
    listing: Listing,
    tally: Tally,
    least: int,
    source: dict[str, Any] | None,
    earlier: DatasetVersion | None,
) -> Ingested:
    taken = set(tally.labels)
    classes = tuple(label for label in listing.classes if label in taken)
    if len(classes) < least:
        raise BadInputError(too_few(_words(source, name), tally, classes, least))
    items = numbered(tally, classes)
    left_out = [label for label in listing.classes if label not in taken]
    notes = [
        *listing.notes,
        *remarks.of_refusals(len(tally.refused), tally.twice, left_out),
        *remarks.of_items(items, classes),
    ]
    if earlier and _by_hand(workspace, earlier):
        notes.append(f"What was changed by hand is in version {earlier.version}.")
    changed = remarks.changes(items)
    version = write_version(
        workspace,
        name,
        classes,
        pin_test(classes, items, earlier=earlier.items if earlier else ()),
        {**listing.about, **tally.about},
        source=source,
        report={"refused": tally.refused, "notes": notes, "changed": changed},
        parent=earlier.version if earlier else 0,
        change=f"{_BROUGHT} from {_words(source, name)}.",
    )
    return Ingested(version, tally.refused, notes, changed, len(items))


def _by_hand(workspace: Workspace, version: DatasetVersion) -> bool:
    """Whether a version is more than what was brought in."""
    change = read_summary(workspace, version.name, version.version).get("change", "")
    return bool(change) and not change.startswith(_BROUGHT)


def _words(source: dict[str, Any] | None, name: str) -> str:
    """What the pictures came from, in short."""
    key = str((source or {}).get("path") or name)
    return PurePath(key).name or name


def _prepare(workspace: Workspace, name: str, listing: Listing) -> tuple[Listing, Prepared | None]:
    """The listing, some of it looked at, and where its pixels are written meanwhile."""
    some = list(islice(listing.candidates, SAMPLE))
    listing = replace(listing, candidates=chain(some, listing.candidates))
    spec = guess(some, listing.count)
    if spec is None or not fits(workspace, spec, listing.count):
        return listing, None
    return listing, Prepared(workspace.datasets / name, spec, listing.count)


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


def too_few(where: str, tally: Tally, classes: tuple[str, ...], least: int) -> str:
    """The sentence for pictures of fewer classes than are needed."""
    first = tally.refused[0] if tally.refused else None
    why = f" {first['file']}: {first['reason']}" if first else ""
    if least < 2:
        return f"There is no picture that can be read.{why}"
    held = f"only the class {classes[0]} has" if classes else "no class has"
    return f"In {where} {held} pictures that can be read.{why} {LAYOUT}"
