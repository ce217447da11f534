"""Version diff: the pictures and classes that differ between two versions of a data set. Pure."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from ml.data.splits.splits import in_test, pin_test
from ml.data.store.versions import DatasetVersion

Labels = dict[str, set[str]]


def compare(old: DatasetVersion, new: DatasetVersion) -> dict[str, Any]:
    """The differences from ``old`` to ``new``.

    ``added``, ``removed``, ``relabelled``, ``excluded``, ``included``, ``to_test`` and
    ``from_test`` are sorted lists of picture hashes; ``classes_added`` and ``classes_removed`` of
    names, ``classes_renamed`` of pairs. Pictures of a renamed class are not relabelled.
    """
    old_labels, new_labels = _labels(old), _labels(new)
    renamed = _renamed(old, new)
    common = old_labels.keys() & new_labels.keys()
    old_excluded, new_excluded = _excluded(old), _excluded(new)
    old_test, new_test = _tested(old), _tested(new)
    new_names = dict(renamed)
    return {
        "added": sorted(new_labels.keys() - old_labels.keys()),
        "removed": sorted(old_labels.keys() - new_labels.keys()),
        "relabelled": sorted(
            digest
            for digest in common
            if {new_names.get(n, n) for n in old_labels[digest]} != new_labels[digest]
        ),
        "excluded": sorted((new_excluded - old_excluded) & common),
        "included": sorted((old_excluded - new_excluded) & common),
        "to_test": sorted((new_test - old_test) & common),
        "from_test": sorted((old_test - new_test) & common - new_excluded),
        "classes_added": [n for n in new.classes if n not in {*old.classes, *new_names.values()}],
        "classes_removed": [n for n in old.classes if n not in {*new.classes, *new_names}],
        "classes_renamed": [list(pair) for pair in renamed],
    }


@dataclass(frozen=True)
class HeldOutChanges:
    """How many test pictures got another label, left the test or came into it."""

    relabelled: int
    left: int
    added: int

    def __bool__(self) -> bool:
        return bool(self.relabelled or self.left or self.added)


def held_out_changes(old: DatasetVersion, new: DatasetVersion) -> HeldOutChanges:
    """The changes of the test set, by which scores before and after cannot be compared.

    A class that was renamed changes nothing.
    """
    new_names = dict(_renamed(old, new))
    before, after = tested_labels(old), tested_labels(new)
    common = before.keys() & after.keys()
    relabelled = sum({new_names.get(n, n) for n in before[key]} != after[key] for key in common)
    return HeldOutChanges(relabelled, len(before.keys() - common), len(after.keys() - common))


def tested_labels(version: DatasetVersion) -> Labels:
    """{hash: the classes that it has in the test set}, without excluded pictures."""
    items = pin_test(version.classes, version.items)
    labels: Labels = defaultdict(set)
    for item, tested in zip(items, in_test(items), strict=True):
        if tested and not item.excluded:
            labels[item.hash].add(version.classes[item.label])
    return labels


def _labels(version: DatasetVersion) -> Labels:
    """{hash: the classes that the picture is in}."""
    labels: Labels = defaultdict(set)
    for item in version.items:
        labels[item.hash].add(version.classes[item.label])
    return labels


def _excluded(version: DatasetVersion) -> set[str]:
    included = {item.hash for item in version.items if not item.excluded}
    return {item.hash for item in version.items} - included


def _tested(version: DatasetVersion) -> set[str]:
    items = pin_test(version.classes, version.items)
    return {item.hash for item, tested in zip(items, in_test(items), strict=True) if tested}


def _renamed(old: DatasetVersion, new: DatasetVersion) -> list[tuple[str, str]]:
    """Pairs of an old and a new class name that share more than half of the pictures of each."""
    old_pictures, new_pictures = _pictures(old), _pictures(new)
    pairs = []
    for before in (name for name in old.classes if name not in new_pictures):
        for after in (name for name in new.classes if name not in old_pictures):
            shared = len(old_pictures[before] & new_pictures[after])
            if shared and 2 * shared > max(len(old_pictures[before]), len(new_pictures[after])):
                pairs.append((before, after))
    return pairs


def _pictures(version: DatasetVersion) -> dict[str, set[str]]:
    """{class: the hashes of its pictures}."""
    pictures: dict[str, set[str]] = {name: set() for name in version.classes}
    for item in version.items:
        pictures[version.classes[item.label]].add(item.hash)
    return pictures
