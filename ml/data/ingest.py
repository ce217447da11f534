"""Bring pictures into the workspace: each looked at whole, kept once, listed in a version.

What cannot be read is refused with its reason and never stops the rest. Nothing is seen by others
until the version file is written, in one step, at the end.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median_low
from typing import Any

from ml.data.listing import LAYOUT, Candidate, Listing
from ml.data.parallel import BATCH, Progress, in_batches
from ml.data.pixels import Facts, look
from ml.data.sources import list_source
from ml.data.store import DatasetVersion, Item, write_picture, write_version
from ml.errors import BadInputError
from ml.workspace import Workspace


@dataclass(frozen=True)
class Ingested:
    """The version made, what was ``refused`` [{file, reason}] and ``notes`` in plain words."""

    version: DatasetVersion
    refused: list[dict[str, str]]
    notes: list[str]


@dataclass
class _Tally:
    """What has been taken in so far."""

    rows: dict[tuple[str, str, str | None], Item] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    facts: list[Facts] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    bytes: int = 0
    twice: int = 0


def ingest(
    workspace: Workspace,
    path: Path,
    name: str,
    *,
    source: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Ingested:
    """Bring the pictures at ``path`` in as the next version of the data set ``name``.

    One picture twice under one label in one split is kept once; under two labels it stays under
    both. ``source`` is remembered with the version; ``progress`` is called with 0 to 1.

    Raises:
        BadInputError: fewer than two classes have a picture that can be read.
        WorkspaceError: the disk is full or cannot be written to.
    """
    listing = list_source(path)
    tally = _Tally(refused=[{"file": file, "reason": why} for file, why in listing.refused])
    for done, (candidate, outcome) in enumerate(_taken_in(workspace, listing.candidates), 1):
        _count(tally, candidate, outcome)
        if progress and (done % BATCH == 0 or done == listing.count):
            progress(min(done / max(listing.count, 1), 1.0))
    classes = tuple(label for label in listing.classes if label in set(tally.labels))
    if len(classes) < 2:
        raise BadInputError(_too_few(path, tally, classes))
    number = {label: n for n, label in enumerate(classes)}
    items = tuple(
        item._replace(label=number[label])
        for item, label in zip(tally.rows.values(), tally.labels, strict=True)
    )
    notes = [*listing.notes, *_notes(listing, tally, classes, items)]
    report = {"refused": tally.refused, "notes": notes}
    about = {**listing.about, **_about(tally)}
    version = write_version(workspace, name, classes, items, about, source=source, report=report)
    return Ingested(version, tally.refused, notes)


_Outcome = tuple[str, Facts, int] | str


def _taken_in(
    workspace: Workspace, candidates: Iterator[Candidate]
) -> Iterator[tuple[Candidate, _Outcome]]:
    """Each candidate, in order, with hash, facts and bytes, or with the reason why not."""

    def take(batch: list[Candidate]) -> list[tuple[Candidate, _Outcome]]:
        return [(candidate, _take(workspace, candidate)) for candidate in batch]

    return chain.from_iterable(in_batches(take, candidates))


def _take(workspace: Workspace, candidate: Candidate) -> _Outcome:
    try:
        data = candidate.read()
        facts = candidate.facts or look(data)
    except BadInputError as error:
        return str(error)
    return write_picture(workspace, data), facts, len(data)


def _count(tally: _Tally, candidate: Candidate, outcome: _Outcome) -> None:
    if isinstance(outcome, str):
        tally.refused.append({"file": candidate.file, "reason": outcome})
        return
    digest, facts, size = outcome
    key = (digest, candidate.label, candidate.split)
    if key in tally.rows:
        tally.twice += 1
        return
    item = Item(digest, 0, candidate.split, candidate.file, candidate.group, facts.notes)
    tally.rows[key] = item
    tally.labels.append(candidate.label)
    tally.facts.append(facts)
    tally.bytes += size


def _about(tally: _Tally) -> dict[str, Any]:
    return {
        "width": median_low(facts.width for facts in tally.facts),
        "height": median_low(facts.height for facts in tally.facts),
        "colour": any(facts.colour for facts in tally.facts),
        "bytes": tally.bytes,
    }


def _notes(
    listing: Listing, tally: _Tally, classes: tuple[str, ...], items: Iterable[Item]
) -> Iterator[str]:
    """What a person should know of the set, a sentence each."""
    if tally.refused:
        yield f"{_pictures(len(tally.refused), 'file')} could not be taken in. See which."
    for label in listing.classes:
        if label not in classes:
            yield f"The class {label} has no picture that can be read, so it was left out."
    if tally.twice:
        yield f"{_pictures(tally.twice)} came twice in one class and counted once."
    labels: dict[str, set[int]] = {}
    splits: dict[str, set[str | None]] = {}
    for item in items:
        labels.setdefault(item.hash, set()).add(item.label)
        splits.setdefault(item.hash, set()).add(item.split)
    if torn := sum(len(found) > 1 for found in labels.values()):
        yield f"{_pictures(torn)} came under more than one class. One of the labels is wrong."
    if leaked := sum(len(found) > 1 for found in splits.values()):
        yield f"{_pictures(leaked)} came in more than one split and will count in the later one."
    for note, count in Counter(note for item in items for note in item.notes).items():
        yield f"{_pictures(count)}: {note}."


def _pictures(count: int, word: str = "picture") -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _too_few(path: Path, tally: _Tally, classes: tuple[str, ...]) -> str:
    first = tally.refused[0] if tally.refused else None
    why = f" {first['file']}: {first['reason']}" if first else ""
    held = f"only the class {classes[0]} has" if classes else "no class has"
    return f"In {path} {held} pictures that can be read.{why} {LAYOUT}"
