"""What is different between two versions of a data set. Pure."""

from collections import defaultdict
from typing import Any

from ml.data.splits.splits import in_test, pin_test
from ml.data.store.versions import DatasetVersion

Labels = dict[str, set[str]]


def compare(old: DatasetVersion, new: DatasetVersion) -> dict[str, Any]:
    """What became of the pictures and classes of ``old`` in ``new``.

    ``added``, ``removed``, ``relabelled``, ``excluded``, ``included``, ``to_test`` and
    ``from_test`` are sorted lists of picture hashes; ``classes_added`` and ``classes_removed`` of
    names, ``classes_renamed`` of pairs. A class that is only called otherwise relabels nothing.
    """
    were, are = _labels(old), _labels(new)
    renamed = _renamed(old, new)
    both = were.keys() & are.keys()
    out_then, out_now = _excluded(old), _excluded(new)
    test_then, test_now = _tested(old), _tested(new)
    called = dict(renamed)
    return {
        "added": sorted(are.keys() - were.keys()),
        "removed": sorted(were.keys() - are.keys()),
        "relabelled": sorted(
            digest for digest in both if {called.get(n, n) for n in were[digest]} != are[digest]
        ),
        "excluded": sorted((out_now - out_then) & both),
        "included": sorted((out_then - out_now) & both),
        "to_test": sorted((test_now - test_then) & both),
        "from_test": sorted((test_then - test_now) & both - out_now),
        "classes_added": [n for n in new.classes if n not in {*old.classes, *called.values()}],
        "classes_removed": [n for n in old.classes if n not in {*new.classes, *called}],
        "classes_renamed": [list(pair) for pair in renamed],
    }


def _labels(version: DatasetVersion) -> Labels:
    """The classes that each picture is in."""
    found: Labels = defaultdict(set)
    for item in version.items:
        found[item.hash].add(version.classes[item.label])
    return found


def _excluded(version: DatasetVersion) -> set[str]:
    kept = {item.hash for item in version.items if not item.excluded}
    return {item.hash for item in version.items} - kept


def _tested(version: DatasetVersion) -> set[str]:
    items = pin_test(version.classes, version.items)
    return {item.hash for item, tested in zip(items, in_test(items), strict=True) if tested}


def _renamed(old: DatasetVersion, new: DatasetVersion) -> list[tuple[str, str]]:
    """Pairs of a class that is gone and one that has most of its pictures, and few others."""
    were, are = _pictures(old), _pictures(new)
    pairs = []
    for before in (name for name in old.classes if name not in are):
        for after in (name for name in new.classes if name not in were):
            shared = len(were[before] & are[after])
            if shared and 2 * shared > max(len(were[before]), len(are[after])):
                pairs.append((before, after))
    return pairs


def _pictures(version: DatasetVersion) -> dict[str, set[str]]:
    """The pictures of each class."""
    found: dict[str, set[str]] = {name: set() for name in version.classes}
    for item in version.items:
        found[version.classes[item.label]].add(item.hash)
    return found
