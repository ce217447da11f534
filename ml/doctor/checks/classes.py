"""Checks of classes: too few pictures, missing in a split, class imbalance."""

from collections.abc import Iterator

import numpy as np

from ml.doctor.check_context import CheckContext, exclude
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import count, has_or_have, is_or_are, listed

MIN_PICTURES_IN_CLASS = 10
"""A smaller class cannot be learned, and its score is a matter of chance."""
MIN_SHARE_OF_MEDIAN = 0.05
MAX_IMBALANCE = 5.0
"""The ratio of the largest class to the smallest above which small classes are neglected."""
IMBALANCE_AFTER_FIX = 3.0
"""The ratio of the largest class to the smallest that the fix leaves."""
SPLIT_NAMES = ("training", "validation", "test")


@check(
    Kind(
        "tiny_class",
        label="Classes with too few pictures",
        advice="Add pictures (30 of each class make a start), or take the class out.",
        order=80,
    ),
)
def tiny_class(context: CheckContext) -> Iterator[Finding]:
    """Classes of fewer than 10 pictures, or of next to none beside the others."""
    tiny = _tiny(context)
    counts = context.version.counts
    if not tiny or len(tiny) == len(counts):
        return
    items = [
        n for n in context.items.tolist() if context.version.classes[context.labels[n]] in tiny
    ]
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
    yield context.finding(
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
def missing_in_split(context: CheckContext) -> Iterator[Finding]:
    """Classes that train but are not tested, or the other way round."""
    counts = context.version.counts
    if (context.split_numbers < 0).all():
        return
    missing: dict[str, list[str]] = {}
    for label, name in enumerate(context.version.classes):
        present = set(
            context.split_numbers[(context.labels == label) & (context.split_numbers >= 0)].tolist()
        )
        for number, side in enumerate(SPLIT_NAMES):
            if counts[name] and number not in present:
                missing.setdefault(side, []).append(name)
    if not missing:
        return
    names = list(dict.fromkeys(name for absent in missing.values() for name in absent))
    number = len(names)
    missing_text = "; ".join(f"{listed(absent)} in {side}" for side, absent in missing.items())
    can_be_drawn = all(counts[name] >= len(SPLIT_NAMES) for name in names)
    draw_edit = {"do": "draw_test", "seed": 0}
    yield context.finding(
        kind="missing_in_split",
        severity="high" if {"training", "test"} & set(missing) else "medium",
        title=(
            f"{count(number, 'class', 'classes')} {is_or_are(number)} missing from a split: "
            f"{missing_text}."
        ),
        why=(
            "What is missing in training cannot be learned, and what is missing in the test is not "
            "measured."
        ),
        advice=(
            "Draw the test anew so that every class is in it."
            if can_be_drawn
            else "Add pictures: a class needs at least three to be in every split."
        ),
        items=[
            n for n in context.items.tolist() if context.version.classes[context.labels[n]] in names
        ],
        about=missing_text,
        fixes=[Fix("Draw the test anew", [draw_edit])] if can_be_drawn else [],
    )


@check(
    Kind(
        "imbalance",
        label="Classes of very different size",
        advice="Add pictures of the small classes, and read the balanced accuracy as well.",
        order=100,
    ),
)
def imbalance(context: CheckContext) -> Iterator[Finding]:
    """The largest class many times the smallest; those that are too small are told apart."""
    tiny = set(_tiny(context))
    counts = {name: n for name, n in context.version.counts.items() if n and name not in tiny}
    if len(counts) < 2:
        return
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    ratio = counts[largest] / counts[smallest]
    if ratio < MAX_IMBALANCE:
        return
    extra = _surplus(context, int(IMBALANCE_AFTER_FIX * counts[smallest]))
    yield context.finding(
        kind="imbalance",
        severity="medium" if ratio >= 2 * MAX_IMBALANCE else "low",
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


def _tiny(context: CheckContext) -> list[str]:
    counts = {name: number for name, number in context.version.counts.items() if number}
    median = float(np.median(list(counts.values()))) if counts else 0.0
    min_pictures = max(
        MIN_PICTURES_IN_CLASS, min(MIN_SHARE_OF_MEDIAN * median, 2 * MIN_PICTURES_IN_CLASS)
    )
    return [name for name, number in counts.items() if number < min_pictures]


def _surplus(context: CheckContext, max_pictures: int) -> list[int]:
    """Random training pictures by which classes exceed ``max_pictures``; the seed is fixed."""
    random = np.random.default_rng(0)
    extra: list[int] = []
    for label in range(len(context.version.classes)):
        of_class = context.items[context.labels[context.items] == label]
        train = of_class[context.split_numbers[of_class] == 0]
        if len(of_class) > max_pictures:
            train_kept = round(max_pictures * len(train) / len(of_class))
            extra += sorted(random.permutation(train)[train_kept:].tolist())
    return extra
