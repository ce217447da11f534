"""Bring pictures into the workspace: each looked at whole, kept once, listed in a version.

What cannot be read is refused with its reason and never stops the rest. Nothing is seen by others
until the version file is written, in one step, at the end.
"""

from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import Any

from ml.data.ingest import remarks
from ml.data.ingest.orphans import taking_in
from ml.data.ingest.prefetch_pixels import PixelsFor, Prepared, Shape, fits, shape_of_sample
from ml.data.ingest.take_in import take_in
from ml.data.ingest.take_in_counts import Tally
from ml.data.pixels.parallel import Progress
from ml.data.sources.listing import LAYOUT, Listing
from ml.data.sources.registry import list_source
from ml.data.splits.splits import pin_test
from ml.data.store.versions import DatasetVersion, latest, load_version, read_summary, write_version
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


def ingest(
    workspace: Workspace,
    origin: Path | Listing,
    name: str,
    *,
    least: int = 2,
    source: dict[str, Any] | None = None,
    progress: Progress | None = None,
    pixels_for: PixelsFor | None = None,
) -> Ingested:
    """Bring the pictures of ``origin`` in as the next version of the data set ``name``.

    One picture twice under one label in one split is kept once; under two labels it stays under
    both. ``source`` is remembered with the version; ``progress`` is called with 0 to 1. The pixels
    of ``pixels_for`` are prepared for a training along the way; with None, none are.

    Raises:
        BadInputError: fewer than ``least`` classes have a picture that can be read.
        WorkspaceError: the disk is full or cannot be written to.
    """
    listing = origin if isinstance(origin, Listing) else list_source(origin)
    with taking_in(workspace):
        earlier = load_version(workspace, name) if latest(workspace, name) else None
        prepared = None
        if pixels_for and not earlier and least > 1:  # one class alone trains nothing
            listing, prepared = _prepare(workspace, name, listing, pixels_for)
        try:
            tally = take_in(workspace, listing, progress, prepared)
            made = _version(workspace, name, listing, tally, least, source, earlier)
            if prepared and pixels_for:
                prepared.finish(pixels_for(_shape(tally)))
        finally:
            if prepared:
                prepared.abandon()
        return made


def _version(
    workspace: Workspace,
    name: str,
    listing: Listing,
    tally: Tally,
    least: int,
    source: dict[str, Any] | None,
    earlier: DatasetVersion | None,
) -> Ingested:
    taken = set(tally.taken)
    classes = tuple(label for label in listing.classes if label in taken)
    if len(classes) < least:
        raise BadInputError(too_few(_words(source, name), tally, classes, least))
    items = tally.numbered(classes)
    left_out = [label for label in listing.classes if label not in taken]
    notes = [
        *listing.notes,
        *remarks.of_refusals(len(tally.refused), tally.twice, left_out),
        *remarks.of_items(items, classes),
    ]
    if earlier and _by_hand(workspace, earlier):
        notes.append(f"What was changed by hand is in version {earlier.version}.")
    changed = remarks.changes(items)
    pinned = pin_test(classes, items, earlier=earlier.items if earlier else ())
    tally.wait()
    version = write_version(
        workspace,
        name,
        classes,
        pinned,
        {**listing.about, **tally.about},
        source=source,
        report={"refused": tally.refused, "notes": notes, "changed": changed},
        parent=earlier.version if earlier else 0,
        change=f"{_BROUGHT} from {_words(source, name)}.",
    )
    return Ingested(version, tally.refused, notes, changed, len(items))


def _shape(tally: Tally) -> Shape:
    about = tally.about
    return Shape(len(tally.items), about["width"], about["height"], about["colour"])


def _by_hand(workspace: Workspace, version: DatasetVersion) -> bool:
    """Whether a version is more than what was brought in."""
    change = read_summary(workspace, version.name, version.version).get("change", "")
    return bool(change) and not change.startswith(_BROUGHT)


def _words(source: dict[str, Any] | None, name: str) -> str:
    """What the pictures came from, in short."""
    key = str((source or {}).get("path") or name)
    return PurePath(key).name or name


def _prepare(
    workspace: Workspace, name: str, listing: Listing, pixels_for: PixelsFor
) -> tuple[Listing, Prepared | None]:
    """The listing, some of it looked at, and where its pixels are written meanwhile."""
    some = list(islice(listing.candidates, SAMPLE))
    listing = replace(listing, candidates=chain(some, listing.candidates))
    shape = shape_of_sample(some, listing.count)
    spec = pixels_for(shape) if shape else None
    if spec is None or not fits(workspace, spec, listing.count):
        return listing, None
    return listing, Prepared(workspace.datasets / name, spec, listing.count)


def too_few(where: str, tally: Tally, classes: tuple[str, ...], least: int) -> str:
    """The sentence for pictures of fewer classes than are needed."""
    first = tally.refused[0] if tally.refused else None
    why = f" {first['file']}: {first['reason']}" if first else ""
    if least < 2:
        return f"There is no picture that can be read.{why}"
    held = f"only the class {classes[0]} has" if classes else "no class has"
    return f"In {where} {held} pictures that can be read.{why} {LAYOUT}"
