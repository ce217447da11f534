"""The same picture twice: to the last pixel, nearly, or under two labels.

What lies on two sides of the split is left to the leaks.
"""

from collections.abc import Iterator, Sequence

from ml.doctor.check_context import Case, exclude
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import count, has_or_have, is_or_are


def crosses(case: Case, cluster: Sequence[int]) -> bool:
    """Whether one side of the split has what another, on which a score is measured, has too."""
    return len({case.sides[item] for item in cluster}) > 1


def torn(case: Case, cluster: Sequence[int]) -> bool:
    """Whether it is under more than one label."""
    return len({case.labels[item] for item in cluster}) > 1


@check(
    Kind(
        "exact_duplicate",
        label="Copies",
        advice="Exclude the copies and keep one of each.",
        order=20,
    ),
)
def exact(case: Case) -> Iterator[Finding]:
    """Copies in one class and on one side."""
    groups = [c for c in case.copies if not torn(case, c) and not crosses(case, c)]
    if not groups:
        return
    extra = [item for cluster in groups for item in cluster[1:]]
    yield case.finding(
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
def near(case: Case) -> Iterator[Finding]:
    """Resized, encoded again, cropped a little or mirrored, in one class and on one side."""
    groups = [c for c in case.twins if not torn(case, c) and not crosses(case, c)]
    if not groups:
        return
    extra = []
    for cluster in groups:
        best = max(cluster, key=lambda item: (_pixels(case, item), -item))
        extra += [item for item in cluster if item != best]
    yield case.finding(
        kind="near_duplicate",
        severity="low",
        title=(
            f"{count(len(groups), 'picture')} {is_or_are(len(groups))} nearly the same as another."
        ),
        why=(
            "Pictures that were resized, cropped a little, mirrored or saved again teach hardly "
            "anything new."
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
def contradiction(case: Case) -> Iterator[Finding]:
    """One picture, or two that are nearly one, under more than one label."""
    in_twins = {item for cluster in case.twins for item in cluster}
    clusters = [*case.twins, *(c for c in case.copies if c[0] not in in_twins)]
    groups = [cluster for cluster in clusters if torn(case, cluster)]
    if not groups:
        return
    items = [item for cluster in groups for item in cluster]
    unlikely = []
    for cluster in groups:
        opinion = case.opinions[cluster].mean(0)
        likely = max({int(case.labels[item]) for item in cluster}, key=lambda n: opinion[n])
        unlikely += [item for item in cluster if case.labels[item] != likely]
    fixes: list[Fix] = [
        exclude("Exclude all of them", items),
        exclude("Keep the likelier label", unlikely),
    ]
    number = len(groups)
    yield case.finding(
        kind="contradiction",
        severity="high",
        title=f"{count(number, 'picture')} {has_or_have(number)} two labels.",
        why="One of the labels is wrong, so training is pulled both ways and no answer is right.",
        items=items,
        groups=groups,
        fixes=fixes,
    )


def _pixels(case: Case, item: int) -> int:
    return int(case.looks["width"][item]) * int(case.looks["height"][item])
