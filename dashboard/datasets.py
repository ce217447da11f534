"""What the page Data reads of a set: which of its pictures, on which side, found wrong by whom."""

import math
import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from ml.config import TrainConfig
from ml.data.splits import split_indices
from ml.data.store import (
    DatasetVersion,
    Item,
    load_version,
    picture_path,
    read_picture,
    read_summary,
)
from ml.doctor.looks import taken
from ml.doctor.reading import read_findings, read_map
from ml.errors import BadInputError, MLError
from ml.workspace import Workspace

SIDES = {"train": "Training", "val": "Validation", "test": "Test", "": "Nothing"}
ORDERS = ("As brought in", "By name", "Largest file first", "Smallest file first")
ANCESTORS = 8
"""How many versions back findings are looked for while the newest is being checked."""
MEASURED = 2000
"""Pictures whose size is read for the charts; more would not change what they say."""
_NUMBER = re.compile(r" \d[\d,]*\b")
_ORIENTATION = 274
_ON_ITS_SIDE = (5, 6, 7, 8)
_ON_SIDES = ("leak", "near_leak", "missing_in_split", "shift", "burst")


@dataclass(frozen=True)
class Query:
    """Which pictures are looked at: all that fit every part. ``label`` is a class index, ``side``
    a key of ``SIDES``; None is any. ``order`` is one of ``ORDERS``, of no account where a
    ``finding`` is given, whose worst picture comes first."""

    text: str = ""
    label: int | None = None
    side: str | None = None
    excluded: bool | None = None
    finding: Mapping[str, Any] | None = None
    order: str = ORDERS[0]


def places(workspace: Workspace, version: DatasetVersion, query: Query) -> list[int]:
    """The item numbers that ``query`` asks for, in its order."""
    wanted = query.text.casefold().strip()
    sides = split_of(version) if query.side is not None else ()
    found: Sequence[int] = range(len(version.items))
    if query.finding is not None:
        found = by_score(query.finding)
    kept = [
        n
        for n in found
        if (not wanted or wanted in version.items[n].file.casefold())
        and (query.label is None or version.items[n].label == query.label)
        and (query.excluded is None or version.items[n].excluded == query.excluded)
        and (query.side is None or sides[n] == query.side)
    ]
    if query.finding is None and query.order == ORDERS[1]:
        kept.sort(key=lambda n: version.items[n].file.casefold())
    elif query.finding is None and query.order in ORDERS[2:]:
        sizes = {n: _octets(workspace, version.items[n]) for n in kept}
        kept.sort(key=lambda n: sizes[n], reverse=query.order == ORDERS[2])
    return kept


def by_score(finding: Mapping[str, Any]) -> list[int]:
    """The pictures of a finding, the worst first."""
    scores = finding["scores"]
    return sorted(finding["items"], key=lambda n: -float(scores.get(str(n), 0.0)))


def split_of(version: DatasetVersion) -> tuple[str, ...]:
    """The side of each item: a key of ``SIDES``. Before a set can be split, nothing has one."""
    return _split_of(version, version.name, version.fingerprint)


@st.cache_data(max_entries=16, show_spinner=False)
def _split_of(_version: DatasetVersion, name: str, fingerprint: str) -> tuple[str, ...]:
    sides = [""] * len(_version.items)
    try:
        for side, indices in split_indices(_version, TrainConfig().split_seed).items():
            for n in indices.tolist():
                sides[n] = side
    except BadInputError:
        return tuple(sides)
    return tuple(sides)


def version_at(workspace: Workspace, name: str, number: int) -> DatasetVersion:
    """A version, kept: it never changes."""
    return _version_at(workspace.root, name, number)


@st.cache_resource(max_entries=6, show_spinner=False)
def _version_at(root: Path, name: str, number: int) -> DatasetVersion:
    return load_version(Workspace(root), name, number)


def known_findings(workspace: Workspace, version: DatasetVersion) -> list[dict[str, Any]]:
    """The findings of a version, or, while it is being checked, what still holds of an earlier."""
    found = read_findings(workspace, version.name, version.version)
    return list(found["findings"]) if found else earlier_findings(workspace, version)


def earlier_findings(workspace: Workspace, version: DatasetVersion) -> list[dict[str, Any]]:
    """What was found in a version before this one and still holds, as far as one can tell without
    looking again."""
    number = version.version
    for _ in range(ANCESTORS):
        number = int(read_summary(workspace, version.name, number).get("parent") or 0)
        found = read_findings(workspace, version.name, number) if number else None
        if found:
            return carried(found["findings"], version_at(workspace, version.name, number), version)
    return []


Coordinates = list[float | None]


def map_of(workspace: Workspace, version: DatasetVersion) -> tuple[Coordinates, Coordinates] | None:
    """Where each item lies on the similarity map, or None where there is no map.

    Labels do not move a picture, so the map of an earlier version serves too; a picture that is
    new since then lies nowhere.
    """
    number = version.version
    for _ in range(ANCESTORS):
        found = read_map(workspace, version.name, number)
        if found:
            break
        number = int(read_summary(workspace, version.name, number).get("parent") or 0)
        if not number:
            return None
    else:
        return None
    old = version if number == version.version else version_at(workspace, version.name, number)
    known = {
        item.hash: (x, y) for item, x, y in zip(old.items, found["x"], found["y"], strict=False)
    }
    places_of = [known.get(item.hash, (None, None)) for item in version.items]
    if all(x is None for x, _ in places_of):
        return None
    return [x for x, _ in places_of], [y for _, y in places_of]


def carried(
    findings: Sequence[Mapping[str, Any]], old: DatasetVersion, new: DatasetVersion
) -> list[dict[str, Any]]:
    """The findings of ``old`` with the item numbers of ``new``, without what was changed since."""
    waiting: dict[tuple[str, str], deque[int]] = defaultdict(deque)
    for n, item in enumerate(new.items):
        waiting[item.hash, item.file].append(n)
    moved: dict[int, int] = {}
    for n, item in enumerate(old.items):
        if queue := waiting[item.hash, item.file]:
            moved[n] = queue.popleft()
    kept = []
    for finding in findings:
        sides = finding["kind"] in _ON_SIDES

        def same(n: int, sides: bool = sides) -> bool:
            if n not in moved:
                return False
            one, other = old.items[n], new.items[moved[n]]
            untouched = (old.classes[one.label], one.excluded) == (
                new.classes[other.label],
                other.excluded,
            )
            return untouched and (not sides or (one.split, one.group) == (other.split, other.group))

        still = {n: moved[n] for n in finding["items"] if same(n)}
        groups = [[still[n] for n in group if n in still] for group in finding["groups"]]
        groups = [group for group in groups if len(group) > 1]
        if finding["groups"]:
            together = {n for group in groups for n in group}
            still = {n: to for n, to in still.items() if to in together}
        if finding["items"] and not still:
            continue
        if not finding["items"] and (old.classes, old.counts) != (new.classes, new.counts):
            continue
        kept.append(_renumbered(finding, still, groups, old, new))
    return kept


def _renumbered(
    finding: Mapping[str, Any],
    still: Mapping[int, int],
    groups: list[list[int]],
    old: DatasetVersion,
    new: DatasetVersion,
) -> dict[str, Any]:
    """One finding about the items that are ``still`` as they were, with their new numbers."""
    whole = len(still) == len(finding["items"]) and old.classes == new.classes
    fixes = [fix for fix in finding["fixes"] if whole or _of_items(fix)]
    unmoved = len(old.items) == len(new.items)
    return {
        **finding,
        "items": [still[n] for n in finding["items"] if n in still],
        "was": finding.get("was", len(finding["items"])),
        "groups": groups,
        "labels": {
            str(still[int(n)]): label
            for n, label in finding["labels"].items()
            if int(n) in still and label in new.classes
        },
        "scores": {str(still[int(n)]): s for n, s in finding["scores"].items() if int(n) in still},
        "fixes": [
            only(fix, still)
            for fix in fixes
            if (unmoved or _of_items(fix))
            and all(edit.get("label", "") in ("", *new.classes) for edit in fix["edits"])
        ],
    }


def _of_items(fix: Mapping[str, Any]) -> bool:
    return all("items" in edit for edit in fix["edits"])


def only(fix: Mapping[str, Any], numbers: Mapping[int, int]) -> dict[str, Any]:
    """The fix for those items alone that ``numbers`` has, under the numbers that it gives them.

    Where that is not all of them, its label names no number any more.
    """
    edits = [
        {**edit, "items": [numbers[n] for n in edit["items"] if n in numbers]}
        if "items" in edit
        else dict(edit)
        for edit in fix["edits"]
    ]
    before, after = _items_in(fix["edits"]), _items_in(edits)
    label = fix["label"] if before == after else _NUMBER.sub("", fix["label"])
    return {"label": label, "edits": [edit for edit in edits if edit.get("items") != []]}


def _items_in(edits: Sequence[Mapping[str, Any]]) -> int:
    return sum(len(edit.get("items", ())) for edit in edits)


def _octets(workspace: Workspace, item: Item) -> int:
    try:
        return picture_path(workspace, item.hash).stat().st_size
    except OSError:
        return 0


def sizes_of(workspace: Workspace, version: DatasetVersion) -> list[tuple[int, int]]:
    """Width and height, as the picture stands, of at most ``MEASURED`` pictures in use."""
    kept = [item.hash for item in version.items if not item.excluded]
    step = max(1, len(kept) / MEASURED)
    chosen = dict.fromkeys(kept[int(place * step)] for place in range(int(len(kept) / step)))
    known = _known_sizes(workspace.root)
    for digest in chosen:
        if digest not in known:
            known[digest] = _measure(workspace, digest)
    return [size for digest in chosen if (size := known[digest]) is not None]


@st.cache_resource(show_spinner=False)
def _known_sizes(root: Path) -> dict[str, tuple[int, int] | None]:
    return {}


def _measure(workspace: Workspace, digest: str) -> tuple[int, int] | None:
    """From the header alone: these pictures were decoded once already, when they came in."""
    try:
        with Image.open(picture_path(workspace, digest)) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    except Exception:  # whatever a broken header makes Pillow raise: it has no size then
        return None
    return (height, width) if turned else (width, height)


def times_of(workspace: Workspace, version: DatasetVersion) -> list[float | None]:
    """When each picture was taken, as its camera says: seconds since 1970, or None."""
    known = _known_times(workspace.root)
    for item in version.items:
        if item.hash not in known:
            try:
                moment = taken(read_picture(workspace, item.hash))
            except (MLError, OSError):
                moment = math.nan
            known[item.hash] = None if math.isnan(moment) else moment
    return [known[item.hash] for item in version.items]


@st.cache_resource(show_spinner=False)
def _known_times(root: Path) -> dict[str, float | None]:
    return {}
