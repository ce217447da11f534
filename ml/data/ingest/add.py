"""Add pictures to an existing data set: a new version in which the old items stay as they are."""

from collections.abc import Sequence

import numpy as np

from ml.data.ingest import notes as ingest_notes
from ml.data.ingest.ingest import Ingested, too_few_classes
from ml.data.ingest.intake import Intake
from ml.data.ingest.orphans import ingest_marker
from ml.data.ingest.take_in import take_in
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

    New classes come after its own. A picture that it has already, under the same label, is not
    added again. With ``keep_test`` no picture joins the test, and none is added that the data set
    has under another label: it may be a test picture. The caller holds the lock of the data set.

    Raises:
        BadInputError: no picture can be read.
        WorkspaceError: the disk is full or cannot be written to.
    """
    old = load_version(workspace, name)
    with ingest_marker(workspace):
        intake = take_in(workspace, listing, progress)
        if not intake.items:
            raise BadInputError(too_few_classes(name, intake, (), 1))
        known_labels = {(item.hash, old.classes[item.label]) for item in old.items}
        repeats = _drop(intake, known_labels)
        relabelled = _drop_known_pictures(intake, old) if keep_test else 0
        accepted = set(intake.accepted_classes)
        new_classes = [label for label in listing.classes if label in accepted - set(old.classes)]
        classes = (*old.classes, *new_classes)
        added = intake.labelled_by(classes)
        notes = [*listing.notes, *_notes(intake, repeats, relabelled, classes, added)]
        changed = ingest_notes.decoding_changes(added)
        if not added:
            return Ingested(old, intake.refused, notes)
        intake.wait_for_disk()
        version = write_version(
            workspace,
            name,
            classes,
            pin_test(classes, (*old.items, *added), earlier=old.items, grow=not keep_test),
            _about(old, intake),
            source=read_summary(workspace, name).get("source"),
            report={"refused": intake.refused, "notes": notes, "changed": changed},
            parent=old.version,
            change=_sentence(intake),
        )
    return Ingested(version, intake.refused, notes, changed, len(added))


def _drop_known_pictures(intake: Intake, old: DatasetVersion) -> int:
    """Drop pictures that ``old`` has under any label from the intake: how many."""
    known_hashes = {item.hash for item in old.items}
    return _drop(
        intake,
        {
            (known_item.hash, intake.label_names[known_item.label])
            for known_item in intake.items
            if known_item.hash in known_hashes
        },
    )


def _drop(intake: Intake, known: set[tuple[str, str]]) -> int:
    """Drop ``known`` pictures, by (hash, label), from the intake: how many."""
    is_new = ((item.hash, intake.label_names[item.label]) not in known for item in intake.items)
    kept_mask = np.fromiter(is_new, np.bool_, len(intake.items))
    intake.select(kept_mask)
    return int((~kept_mask).sum())


def _notes(
    intake: Intake, repeats: int, relabelled: int, classes: tuple[str, ...], added: Sequence[Item]
) -> list[str]:
    notes = list(ingest_notes.refusal_notes(len(intake.refused), intake.repeats, ()))
    if repeats:
        was = "was" if repeats == 1 else "were"
        notes.append(f"{ingest_notes.pictures(repeats)} {was} in the set already.")
    if relabelled:
        was = "was" if relabelled == 1 else "were"
        notes.append(
            f"{ingest_notes.pictures(relabelled)} {was} in the set under another label and left as "
            "they are. Change the label of a picture on Data."
        )
    return [*notes, *ingest_notes.item_notes(added, classes)]


def _about(old: DatasetVersion, intake: Intake) -> dict[str, object]:
    """``about`` of old and added items; the medians are those of the larger part."""
    added = intake.about
    size = old.about if len(old.items) >= len(intake.items) else added
    return {
        **old.about,
        "width": size["width"],
        "height": size["height"],
        "colour": bool(old.about["colour"] or added["colour"]),
        "bytes": old.about["bytes"] + added["bytes"],
    }


def _sentence(intake: Intake) -> str:
    classes = intake.accepted_classes
    target = classes[0] if len(classes) == 1 else f"{len(classes)} classes"
    return f"{ingest_notes.pictures(len(intake.items))} added to {target}."
