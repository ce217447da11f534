"""Classes with too few pictures, in too few splits, or far larger than the others."""

from collections.abc import Iterator

import numpy as np

from ml.doctor.check_context import Case, exclude
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import count, has_or_have, is_or_are, listed

FEW = 10
"""A class below this is too small to learn, and its score is a matter of chance."""
SHARE_OF_MEDIAN = 0.05
UNEVEN = 5.0
"""From this ratio of the largest class to the smallest on, the smaller ones are neglected."""
EVEN = 3.0
"""The ratio that the offered fix leaves."""
SIDES = ("training", "validation", "test")


@check(
    Kind(
        "tiny_class",
        label="Classes with too few pictures",
        advice="Add pictures (30 of each class make a start), or take the class out.",
        order=80,
    ),
)
def tiny_class(case: Case) -> Iterator[Finding]:
    """Classes of fewer than 10 pictures, or of next to none beside the others."""
    tiny = _tiny(case)
    counts = case.version.counts
    if not tiny or len(tiny) == len(counts):
        return
    items = [n for n in case.items.tolist() if case.version.classes[case.labels[n]] in tiny]
    fixes = [
        Fix(
            f"Remove {'the class' if len(tiny) == 1 else 'these classes'}",
            [{"do": "remove_class", "name": name} for name in tiny],
        )
    ]
    if 1 < len(tiny) < len(counts) - 1 and "other" not in counts:
        merge = {"do": "merge_classes", "names": tiny, "into": "other"}
        fixes.insert(0, Fix("Merge them into one class, other", [merge]))
    named = listed([f"{name} ({counts[name]})" for name in tiny])
    number = len(tiny)
    yield case.finding(
        kind="tiny_class",
        severity="high",
        title=(
            f"{count(number, 'class', 'classes')} {has_or_have(number)} too few pictures: {named}."
        ),
        why="There is too little to learn from, and what is left for the test says nothing.",
        items=items,
        about=" ".join(tiny),
        fixes=fixes,
    )


@check(
    Kind(
        "missing_in_split",
        label="Classes missing from a split",
        advice="Draw the test anew so that every class is in it.",
        order=90,
        follows_split=True,
    ),
)
def missing_in_split(case: Case) -> Iterator[Finding]:
    """Classes that train but are not tested, or the other way round."""
    counts = case.version.counts
    if (case.sides < 0).all():
        return
    missing: dict[str, list[str]] = {}
    for label, name in enumerate(case.version.classes):
        there = set(case.sides[(case.labels == label) & (case.sides >= 0)].tolist())
        for number, side in enumerate(SIDES):
            if counts[name] and number not in there:
                missing.setdefault(side, []).append(name)
    if not missing:
        return
    names = list(dict.fromkeys(name for found in missing.values() for name in found))
    number = len(names)
    told = "; ".join(f"{listed(found)} in {side}" for side, found in missing.items())
    enough = all(counts[name] >= len(SIDES) for name in names)
    draw = {"do": "draw_test", "seed": 0}
    yield case.finding(
        kind="missing_in_split",
        severity="high" if {"training", "test"} & set(missing) else "medium",
        title=(
            f"{count(number, 'class', 'classes')} {is_or_are(number)} missing from a split: {told}."
        ),
        why=(
            "What is missing in training cannot be learned, and what is missing in the test is not "
            "measured."
        ),
        advice=(
            "Draw the test anew so that every class is in it."
            if enough
            else "Add pictures: a class needs at least three to be in every split."
        ),
        items=[n for n in case.items.tolist() if case.version.classes[case.labels[n]] in names],
        about=told,
        fixes=[Fix("Draw the test anew", [draw])] if enough else [],
    )


@check(
    Kind(
        "imbalance",
        label="Classes of very different size",
        advice="Add pictures of the small classes, and read the balanced accuracy as well.",
        order=100,
    ),
)
def imbalance(case: Case) -> Iterator[Finding]:
    """The largest class many times the smallest; those that are too small are told apart."""
    tiny = set(_tiny(case))
    counts = {name: n for name, n in case.version.counts.items() if n and name not in tiny}
    if len(counts) < 2:
        return
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    ratio = counts[largest] / counts[smallest]
    if ratio < UNEVEN:
        return
    extra = _surplus(case, int(EVEN * counts[smallest]))
    yield case.finding(
        kind="imbalance",
        severity="medium" if ratio >= 2 * UNEVEN else "low",
        title=(
            f"{largest} has {ratio:.0f} times as many pictures as {smallest}: "
            f"{counts[largest]:,} and {counts[smallest]:,}."
        ),
        why="Guessing the large class pays: the small ones are missed and the accuracy hides it.",
        advice=f"Add pictures of {smallest}, and read the balanced accuracy beside the accuracy.",
        about=f"{largest} {smallest}",
        fixes=[exclude(f"Exclude {count(len(extra), 'training picture')} of large classes", extra)]
        if extra
        else [],
    )


def _tiny(case: Case) -> list[str]:
    counts = {name: number for name, number in case.version.counts.items() if number}
    usual = float(np.median(list(counts.values()))) if counts else 0.0
    least = max(FEW, min(SHARE_OF_MEDIAN * usual, 2 * FEW))
    return [name for name, number in counts.items() if number < least]


def _surplus(case: Case, most: int) -> list[int]:
    """Training pictures of classes above ``most``, by a fixed seed; the test keeps its own."""
    chance = np.random.default_rng(0)
    extra: list[int] = []
    for label in range(len(case.version.classes)):
        of_class = case.items[case.labels[case.items] == label]
        train = of_class[case.sides[of_class] == 0]
        if len(of_class) > most:
            kept = round(most * len(train) / len(of_class))
            extra += sorted(chance.permutation(train)[kept:].tolist())
    return extra
