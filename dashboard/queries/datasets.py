"""Queries of a data set: its pictures by filter, split side and place on the similarity map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from ml.config import TrainConfig
from ml.data.splits.splits import split_indices
from ml.data.store.item_arrays import excluded_of, labels_of
from ml.data.store.versions import DatasetVersion, Item, load_version, picture_path, read_summary
from ml.doctor.stored_findings import read_map
from ml.errors import BadInputError
from ml.workspace import Workspace

SIDES = {"train": "Training", "val": "Validation", "test": "Test", "": "Nothing"}
ORDERS = ("As brought in", "By name", "Largest file first", "Smallest file first")
MAX_ANCESTORS = 8
"""How many versions back a map or findings are looked for while the newest has none."""
Coordinates = list[float | None]


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
    search_text = query.text.casefold().strip()
    items, by_name = version.items, query.finding is None and query.order == ORDERS[1]
    sides = split_of(version) if query.side is not None else ()
    labels, excluded = labels_of(items), excluded_of(items)
    files = [item.file.casefold() for item in items] if search_text or by_name else []
    candidates: Sequence[int] = range(len(items))
    if query.finding is not None:
        candidates = by_score(query.finding)
    matching = [
        n
        for n in candidates
        if (not search_text or search_text in files[n])
        and (query.label is None or labels[n] == query.label)
        and (query.excluded is None or excluded[n] == query.excluded)
        and (query.side is None or sides[n] == query.side)
    ]
    if by_name:
        matching.sort(key=files.__getitem__)
    elif query.finding is None and query.order in ORDERS[2:]:
        sizes = {n: _file_size(workspace, version.items[n]) for n in matching}
        matching.sort(key=lambda n: sizes[n], reverse=query.order == ORDERS[2])
    return matching


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
    """A version, kept: it never changes. 70,000 pictures take half a second to load.

    Raises:
        BadInputError: there is no such version, or its file was changed.
    """
    fingerprint = str(read_summary(workspace, name, number).get("fingerprint"))
    return _version_at(workspace.root, name, number, fingerprint)


@st.cache_resource(max_entries=6, show_spinner=False)
def _version_at(root: Path, name: str, number: int, fingerprint: str) -> DatasetVersion:
    # By its fingerprint too: a workspace that was removed may have another set of that name now.
    return load_version(Workspace(root), name, number)


def map_of(workspace: Workspace, version: DatasetVersion) -> tuple[Coordinates, Coordinates] | None:
    """Where each item lies on the similarity map, or None where there is no map.

    Labels do not move a picture, so the map of an earlier version serves too; a picture that is
    new since then lies nowhere.
    """
    number = version.version
    for _ in range(MAX_ANCESTORS):
        similarity_map = read_map(workspace, version.name, number)
        if similarity_map:
            break
        number = int(read_summary(workspace, version.name, number).get("parent") or 0)
        if not number:
            return None
    else:
        return None
    old = version if number == version.version else version_at(workspace, version.name, number)
    position_of_hash = {
        item.hash: (x, y)
        for item, x, y in zip(old.items, similarity_map["x"], similarity_map["y"], strict=False)
    }
    positions = [position_of_hash.get(item.hash, (None, None)) for item in version.items]
    if all(x is None for x, _ in positions):
        return None
    return [x for x, _ in positions], [y for _, y in positions]


def _file_size(workspace: Workspace, item: Item) -> int:
    try:
        return picture_path(workspace, item.hash).stat().st_size
    except OSError:
        return 0
