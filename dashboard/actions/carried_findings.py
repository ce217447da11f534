"""Carried findings: findings of an earlier version, shown until the doctor has checked the new
one."""

import re
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.queries.datasets import MAX_ANCESTORS, version_at
from ml.data.store.picture_key import PictureKey
from ml.data.store.versions import DatasetVersion, read_summary
from ml.doctor.registry import kind_of
from ml.doctor.stored_findings import read_findings
from ml.workspace import Workspace

_NUMBER = re.compile(r" \d[\d,]*\b")


def known_findings(workspace: Workspace, version: DatasetVersion) -> list[dict[str, Any]]:
    """The findings of a version, or, while it is being checked, what still holds of an earlier."""
    report = read_findings(workspace, version.name, version.version)
    return list(report["findings"]) if report else earlier_findings(workspace, version)


def earlier_findings(workspace: Workspace, version: DatasetVersion) -> list[dict[str, Any]]:
    """What was found in a version before this one and still holds, as far as one can tell without
    looking again."""
    number = version.version
    for _ in range(MAX_ANCESTORS):
        number = int(read_summary(workspace, version.name, number).get("parent") or 0)
        report = read_findings(workspace, version.name, number) if number else None
        if report:
            return carried(report["findings"], version_at(workspace, version.name, number), version)
    return []


def carried(
    findings: Sequence[Mapping[str, Any]], old: DatasetVersion, new: DatasetVersion
) -> list[dict[str, Any]]:
    """The findings of ``old`` with the item numbers of ``new``, without what was changed since."""
    queues: dict[PictureKey, deque[int]] = defaultdict(deque)
    for n, item in enumerate(new.items):
        queues[PictureKey(item.hash, item.file)].append(n)
    new_number: dict[int, int] = {}
    for n, item in enumerate(old.items):
        if queue := queues[PictureKey(item.hash, item.file)]:
            new_number[n] = queue.popleft()
    carried_over = []
    for finding in findings:
        sides = kind_of(finding["kind"]).follows_split

        def is_unchanged(n: int, sides: bool = sides) -> bool:
            if n not in new_number:
                return False
            old_item, new_item = old.items[n], new.items[new_number[n]]
            same_label = (old.classes[old_item.label], old_item.excluded) == (
                new.classes[new_item.label],
                new_item.excluded,
            )
            return same_label and (
                not sides or (old_item.split, old_item.group) == (new_item.split, new_item.group)
            )

        unchanged = {n: new_number[n] for n in finding["items"] if is_unchanged(n)}
        groups = [[unchanged[n] for n in group if n in unchanged] for group in finding["groups"]]
        groups = [group for group in groups if len(group) > 1]
        if finding["groups"]:
            grouped = {n for group in groups for n in group}
            unchanged = {n: to for n, to in unchanged.items() if to in grouped}
        if finding["items"] and not unchanged:
            continue
        if not finding["items"] and (old.classes, old.counts) != (new.classes, new.counts):
            continue
        carried_over.append(_renumbered(finding, unchanged, groups, old, new))
    return carried_over


def _renumbered(
    finding: Mapping[str, Any],
    unchanged: Mapping[int, int],
    groups: list[list[int]],
    old: DatasetVersion,
    new: DatasetVersion,
) -> dict[str, Any]:
    """One finding about the items that are ``unchanged`` as they were, with their new numbers."""
    complete = len(unchanged) == len(finding["items"]) and old.classes == new.classes
    fixes = [fix for fix in finding["fixes"] if complete or _of_items(fix)]
    same_length = len(old.items) == len(new.items)
    return {
        **finding,
        "items": [unchanged[n] for n in finding["items"] if n in unchanged],
        "was": finding.get("was", len(finding["items"])),
        "groups": groups,
        "labels": {
            str(unchanged[int(n)]): label
            for n, label in finding["labels"].items()
            if int(n) in unchanged and label in new.classes
        },
        "scores": {
            str(unchanged[int(n)]): score
            for n, score in finding["scores"].items()
            if int(n) in unchanged
        },
        "fixes": [
            restrict_fix(fix, unchanged)
            for fix in fixes
            if (same_length or _of_items(fix))
            and all(edit.get("label", "") in ("", *new.classes) for edit in fix["edits"])
        ],
    }


def _of_items(fix: Mapping[str, Any]) -> bool:
    return all("items" in edit for edit in fix["edits"])


def restrict_fix(fix: Mapping[str, Any], numbers: Mapping[int, int]) -> dict[str, Any]:
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
