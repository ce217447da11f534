"""Ingest: check every picture of a source, store it once, and list all in a version.

A file that cannot be read is refused with a reason, and the others go on. Nobody sees the data set
until its version file is written at the end.
"""

from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path, PurePath
from typing import Any

from ml.data.ingest import notes as ingest_notes
from ml.data.ingest.intake import Intake
from ml.data.ingest.orphans import ingest_marker
from ml.data.ingest.prefetch_pixels import (
    DatasetShape,
    PixelPrefetch,
    PixelsFor,
    has_room,
    shape_of_sample,
)
from ml.data.ingest.take_in import take_in
from ml.data.pixels.parallel import Progress
from ml.data.sources.listing import LAYOUT, Listing
from ml.data.sources.registry import list_source
from ml.data.splits.splits import pin_test
from ml.data.store.versions import DatasetVersion, latest, load_version, read_summary, write_version
from ml.errors import BadInputError
from ml.workspace import Workspace

_CHANGE_PREFIX = "Brought in"
MAX_SAMPLE_PICTURES = 16
"""Pictures read first, to guess which pixels training will want."""


@dataclass(frozen=True)
class Ingested:
    """The result of an ingest: the version, the ``refused`` files [{file, reason}], ``notes``
    (sentences), what decoding ``changed`` [{file, change}], and how many pictures were
    ``accepted``."""

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
    min_classes: int = 2,
    source: dict[str, Any] | None = None,
    progress: Progress | None = None,
    pixels_for: PixelsFor | None = None,
) -> Ingested:
    """Bring the pictures of ``origin`` in as the next version of the data set ``name``.

    One picture twice under one label in one split is kept once; under two labels it stays under
    both. ``source`` is remembered with the version; ``progress`` is called with 0 to 1. The pixels
    of ``pixels_for`` are prepared for a training along the way; with None, none are.

    Raises:
        BadInputError: fewer than ``min_classes`` classes have a picture that can be read.
        WorkspaceError: the disk is full or cannot be written to.
    """
    listing = origin if isinstance(origin, Listing) else list_source(origin)
    with ingest_marker(workspace):
        earlier = load_version(workspace, name) if latest(workspace, name) else None
        prefetch = None
        if pixels_for and not earlier and min_classes > 1:  # one class alone trains nothing
            listing, prefetch = _start_prefetch(workspace, name, listing, pixels_for)
        try:
            intake = take_in(workspace, listing, progress, prefetch)
            ingested = _write_version(
                workspace, name, listing, intake, min_classes, source, earlier
            )
            if prefetch and pixels_for:
                prefetch.finish(pixels_for(_shape_of(intake)))
        finally:
            if prefetch:
                prefetch.abandon()
        return ingested


def _write_version(
    workspace: Workspace,
    name: str,
    listing: Listing,
    intake: Intake,
    min_classes: int,
    source: dict[str, Any] | None,
    earlier: DatasetVersion | None,
) -> Ingested:
    accepted = set(intake.accepted_classes)
    classes = tuple(label for label in listing.classes if label in accepted)
    if len(classes) < min_classes:
        raise BadInputError(
            too_few_classes(_source_name(source, name), intake, classes, min_classes)
        )
    items = intake.labelled_by(classes)
    empty_classes = [label for label in listing.classes if label not in accepted]
    notes = [
        *listing.notes,
        *ingest_notes.refusal_notes(len(intake.refused), intake.repeats, empty_classes),
        *ingest_notes.item_notes(items, classes),
    ]
    if earlier and _was_edited(workspace, earlier):
        notes.append(f"What was changed by hand is in version {earlier.version}.")
    changed = ingest_notes.decoding_changes(items)
    pinned = pin_test(classes, items, earlier=earlier.items if earlier else ())
    intake.wait_for_disk()
    version = write_version(
        workspace,
        name,
        classes,
        pinned,
        {**listing.about, **intake.about},
        source=source,
        report={"refused": intake.refused, "notes": notes, "changed": changed},
        parent=earlier.version if earlier else 0,
        change=f"{_CHANGE_PREFIX} from {_source_name(source, name)}.",
    )
    return Ingested(version, intake.refused, notes, changed, len(items))


def _shape_of(intake: Intake) -> DatasetShape:
    about = intake.about
    return DatasetShape(len(intake.items), about["width"], about["height"], about["colour"])


def _was_edited(workspace: Workspace, version: DatasetVersion) -> bool:
    """Whether a version was edited or added to after it was brought in."""
    change = read_summary(workspace, version.name, version.version).get("change", "")
    return bool(change) and not change.startswith(_CHANGE_PREFIX)


def _source_name(source: dict[str, Any] | None, name: str) -> str:
    """The file or folder name of the source, for a sentence."""
    key = str((source or {}).get("path") or name)
    return PurePath(key).name or name


def _start_prefetch(
    workspace: Workspace, name: str, listing: Listing, pixels_for: PixelsFor
) -> tuple[Listing, PixelPrefetch | None]:
    """The listing, and a prefetch of the pixels that a sample of it calls for."""
    sample = list(islice(listing.candidates, MAX_SAMPLE_PICTURES))
    listing = replace(listing, candidates=chain(sample, listing.candidates))
    shape = shape_of_sample(sample, listing.count)
    spec = pixels_for(shape) if shape else None
    if spec is None or not has_room(workspace, spec, listing.count):
        return listing, None
    return listing, PixelPrefetch(workspace.datasets / name, spec, listing.count)


def too_few_classes(where: str, intake: Intake, classes: tuple[str, ...], min_classes: int) -> str:
    """The error for readable pictures of fewer than ``min_classes`` classes."""
    first = intake.refused[0] if intake.refused else None
    example = f" {first['file']}: {first['reason']}" if first else ""
    if min_classes < 2:
        return f"There is no picture that can be read.{example}"
    readable = f"only the class {classes[0]} has" if classes else "no class has"
    return f"In {where} {readable} pictures that can be read.{example} {LAYOUT}"
