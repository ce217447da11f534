"""Findings carried over to the next version of a set, until the doctor has looked at that one."""

import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.queries.datasets import ANCESTORS, version_at
from ml.data.store.picture_key import PictureKey
from ml.data.store.versions import DatasetVersion, read_summary
from ml.doctor.registry import kind_of
from ml.doctor.stored_findings import read_findings
from ml.workspace import Workspace

_NUMBER = re.compile(r" \d[\d,]*\b")


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


def carried(
    findings: Sequence[Mapping[str, Any]], old: DatasetVersion, new: DatasetVersion
) -> list[dict[str, Any]]:
    """The findings of ``old`` with the item numbers of ``new``, without what was changed since."""
    waiting: dict[PictureKey, deque[int]] = defaultdict(deque)
    for n, item in enumerate(new.items):
        waiting[PictureKey(item.hash, item.file)].append(n)
    moved: dict[int, int] = {}
    for n, item in enumerate(old.items):
        if queue := waiting[PictureKey(item.hash, item.file)]:
            moved[n] = queue.popleft()
    kept = []
    for finding in findings:
        sides = kind_of(finding["kind"]).follows_split

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
