"""Checks of duplicates: the same picture twice, exactly, nearly, or under two labels.

What lies on two sides of the split is left to the leaks.
"""

from collections.abc import Iterator, Sequence

from ml.doctor.check_context import CheckContext, exclude
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import count, has_or_have, is_or_are


def crosses_splits(context: CheckContext, cluster: Sequence[int]) -> bool:
    """Whether one side of the split has what another, on which a score is measured, has too."""
    return len({context.split_numbers[item] for item in cluster}) > 1


def has_several_labels(context: CheckContext, cluster: Sequence[int]) -> bool:
    """Whether it is under more than one label."""
    return len({context.labels[item] for item in cluster}) > 1


@check(
    Kind(
        "exact_duplicate",
        label="Copies",
        advice="Exclude the copies and keep one of each.",
        order=20,
    ),
)
def exact(context: CheckContext) -> Iterator[Finding]:
    """Copies in one class and on one side."""
    groups = [
        c
        for c in context.exact_duplicates
        if not has_several_labels(context, c) and not crosses_splits(context, c)
    ]
    if not groups:
        return
    extra = [item for cluster in groups for item in cluster[1:]]
    yield context.finding(
        kind="exact_duplicate",
        severity="medium",
        title=(
            f"{count(len(groups), 'picture')} {is_or_are(len(groups))} in the set more than once."
        ),
        why="A copy teaches nothing new, and gives its picture more weight than the others have.",
        advice=f"Exclude {count(len(extra), 'copy', 'copies')} and keep one of each.",
        items=[item for cluster in groups for item in cluster],
        groups=groups,
        fixes=[exclude("Exclude the copies", extra)],
    )


@check(
    Kind(
        "near_duplicate",
        label="Near copies",
        advice="Look at the pairs, and exclude the copies: the largest of each stays.",
        order=30,
    ),
)
def near(context: CheckContext) -> Iterator[Finding]:
    """Changed a little (``find_near_duplicates``), in one class and on one side."""
    groups = [
        c
        for c in context.near_duplicates
        if not has_several_labels(context, c) and not crosses_splits(context, c)
    ]
    if not groups:
        return
    extra = []
    for cluster in groups:
        best = max(cluster, key=lambda item: (_pixels(context, item), -item))
        extra += [item for item in cluster if item != best]
    yield context.finding(
        kind="near_duplicate",
        severity="low",
        title=(
            f"{count(len(groups), 'picture')} {is_or_are(len(groups))} nearly the same as another."
        ),
        why=(
            "Pictures that were resized, cropped a little, mirrored, made lighter or darker, or "
            "saved again teach hardly anything new."
        ),
        advice=(
            f"Look at the pairs, and exclude {count(len(extra), 'copy', 'copies')}: the largest of "
            "each stays."
        ),
        items=[item for cluster in groups for item in cluster],
        groups=groups,
        fixes=[exclude("Exclude the copies", extra)],
    )


@check(
    Kind(
        "contradiction",
        label="Pictures under two labels",
        advice="Look at each pair and keep the right one, or exclude both.",
        order=40,
    ),
)
def contradiction(context: CheckContext) -> Iterator[Finding]:
    """One picture, or two that are nearly one, under more than one label."""
    in_near_duplicates = {item for cluster in context.near_duplicates for item in cluster}
    clusters = [
        *context.near_duplicates,
        *(c for c in context.exact_duplicates if c[0] not in in_near_duplicates),
    ]
    groups = [cluster for cluster in clusters if has_several_labels(context, cluster)]
    if not groups:
        return
    groups.sort(key=context.is_confirmed, reverse=True)
    unconfirmed = sum(not context.is_confirmed(cluster) for cluster in groups)
    items = [item for cluster in groups for item in cluster]
    unlikely = []
    for cluster in groups:
        opinion = context.label_probabilities[cluster].mean(0)
        likely = max({int(context.labels[item]) for item in cluster}, key=lambda n: opinion[n])
        unlikely += [item for item in cluster if context.labels[item] != likely]
    fixes: list[Fix] = [
        exclude("Exclude all of them", items),
        exclude("Keep the likelier label", unlikely),
    ]
    number = len(groups)
    yield context.finding(
        kind="contradiction",
        severity="medium" if unconfirmed == number else "high",
        title=(
            f"{count(number, 'picture')} may have two labels."
            if unconfirmed == number
            else f"{count(number, 'picture')} {has_or_have(number)} two labels."
        ),
        why=(
            "One of the labels is wrong, so training is pulled both ways and no answer is right."
            + unconfirmed_sentence(unconfirmed, number)
        ),
        items=items,
        groups=groups,
        fixes=fixes,
    )


def unconfirmed_sentence(unconfirmed: int, number: int) -> str:
    """How many of ``number`` near copies may be two pictures; empty where none may."""
    if not unconfirmed:
        return ""
    which = "They are" if unconfirmed == number else f"{unconfirmed} of them are"
    return (
        f" {which} nearer than others of this set, but may be two pictures of one thing: look "
        "before you change anything."
    )


def _pixels(context: CheckContext, item: int) -> int:
    return int(context.statistics["width"][item]) * int(context.statistics["height"][item])
