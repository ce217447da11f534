"""More pictures for a data set that is there: a new version, in which nothing else changes."""

from collections.abc import Sequence

import numpy as np

from ml.data.ingest import remarks
from ml.data.ingest.ingest import Ingested, too_few
from ml.data.ingest.orphans import taking_in
from ml.data.ingest.take_in import take_in
from ml.data.ingest.take_in_counts import Tally
from ml.data.pixels.parallel import Progress
from ml.data.sources.listing import Listing
from ml.data.splits.splits import pin_test
from ml.data.store.versions import DatasetVersion, Item, load_version, read_summary, write_version
from ml.errors import BadInputError
from ml.workspace import Workspace


def add(
    workspace: Workspace,
    name: str,
    listing: Listing,
    progress: Progress | None = None,
    *,
    keep_test: bool = False,
) -> Ingested:
    """Bring the pictures of ``listing`` into the newest version of the data set ``name``.

    Classes that are new to it come after its own. A picture that is there already, under the same
    label, is not added again. With ``keep_test`` no picture joins the test, nor is one added that
    is there under another label: it may be a picture of the test. Whoever calls holds the lock of
    the data set.

    Raises:
        BadInputError: no picture can be read.
        WorkspaceError: the disk is full or cannot be written to.
    """
    old = load_version(workspace, name)
    with taking_in(workspace):
        tally = take_in(workspace, listing, progress)
        if not tally.items:
            raise BadInputError(too_few(name, tally, (), 1))
        there = {(item.hash, old.classes[item.label]) for item in old.items}
        known = _drop(tally, there)
        elsewhere = _drop_pictures(tally, old) if keep_test else 0
        taken = set(tally.taken)
        new = [label for label in listing.classes if label in taken - set(old.classes)]
        classes = (*old.classes, *new)
        added = tally.numbered(classes)
        notes = [*listing.notes, *_notes(tally, known, elsewhere, classes, added)]
        changed = remarks.changes(added)
        if not added:  # nothing has changed: the version is the one there was
            return Ingested(old, tally.refused, notes)
        tally.wait()
        version = write_version(
            workspace,
            name,
            classes,
            pin_test(classes, (*old.items, *added), earlier=old.items, grow=not keep_test),
            _about(old, tally),
            source=read_summary(workspace, name).get("source"),
            report={"refused": tally.refused, "notes": notes, "changed": changed},
            parent=old.version,
            change=_sentence(tally),
        )
    return Ingested(version, tally.refused, notes, changed, len(added))


def _drop_pictures(tally: Tally, old: DatasetVersion) -> int:
    """Take out of the tally what the set has already, under whatever label: how many."""
    there = {item.hash for item in old.items}
    return _drop(
        tally,
        {(one.hash, tally.names[one.label]) for one in tally.items if one.hash in there},
    )


def _drop(tally: Tally, there: set[tuple[str, str]]) -> int:
    """Take pictures, by hash and label, out of the tally: how many."""
    fresh = ((item.hash, tally.names[item.label]) not in there for item in tally.items)
    chosen = np.fromiter(fresh, np.bool_, len(tally.items))
    tally.keep(chosen)
    return int((~chosen).sum())


def _notes(
    tally: Tally, known: int, elsewhere: int, classes: tuple[str, ...], added: Sequence[Item]
) -> list[str]:
    notes = list(remarks.of_refusals(len(tally.refused), tally.twice, ()))
    if known:
        was = "was" if known == 1 else "were"
        notes.append(f"{remarks.pictures(known)} {was} in the set already.")
    if elsewhere:
        was = "was" if elsewhere == 1 else "were"
        notes.append(
            f"{remarks.pictures(elsewhere)} {was} in the set under another label and left as they "
            "are. Change the label of a picture on Data."
        )
    return [*notes, *remarks.of_items(added, classes)]


def _about(old: DatasetVersion, tally: Tally) -> dict[str, object]:
    """Medians cannot be merged: those of the larger part stand for both."""
    new = tally.about
    size = old.about if len(old.items) >= len(tally.items) else new
    return {
        **old.about,
        "width": size["width"],
        "height": size["height"],
        "colour": bool(old.about["colour"] or new["colour"]),
        "bytes": old.about["bytes"] + new["bytes"],
    }


def _sentence(tally: Tally) -> str:
    kinds = tally.taken
    to = kinds[0] if len(kinds) == 1 else f"{len(kinds)} classes"
    return f"{remarks.pictures(len(tally.items))} added to {to}."
