"""Pictures that a model is tested on and has seen in training, and what that does to the score."""

from collections.abc import Iterator, Sequence

import numpy as np

from ml.doctor import head
from ml.doctor.case import Case, exclude
from ml.doctor.checks.duplicates import crosses
from ml.doctor.finding import Finding
from ml.doctor.registry import check
from ml.doctor.words import be, count, percent

WORTH_TELLING = 0.0005


@check("leak", "near_leak")
def leaks(case: Case) -> Iterator[Finding]:
    """Copies, and near copies, on two sides of the split."""
    exact = [cluster for cluster in case.copies if crosses(case, cluster)]
    known = {item for cluster in exact for item in cluster}
    near = [c for c in case.twins if crosses(case, c) and not known & set(c)]
    if exact:
        yield _finding(case, "leak", exact, "")
    if near:
        yield _finding(case, "near_leak", near, "nearly ")


def _finding(case: Case, kind: str, groups: Sequence[Sequence[int]], nearly: str) -> Finding:
    kept: list[int] = []
    extra: list[int] = []
    for cluster in groups:
        keep, others = case.split_by_side(cluster)
        kept, extra = kept + keep, extra + others
    sides = {int(case.sides[item]) for item in kept}
    where = "test" if 2 in sides else "validation"
    number = len([item for item in kept if case.sides[item] == max(sides)])
    total = int((case.sides == max(sides)).sum())
    share = number / max(total, 1)
    return case.finding(
        kind,
        "high",
        (
            f"{count(number, f'{where} picture')} {be(number)} {nearly}in training too.",
            f"A model knows them by heart: that is {percent(share)} of the {where} pictures"
            f"{_flattery(case, kept, extra)}.",
            f"Exclude {count(len(extra), 'copy', 'copies')} outside {where}. The {where} set stays "
            "as it is.",
        ),
        [item for cluster in groups for item in cluster],
        groups=groups,
        fixes=[exclude("Exclude the copies", extra)],
    )


def _flattery(case: Case, kept: Sequence[int], extra: Sequence[int]) -> str:
    """How much better the test score of a quick head looks for having seen them."""
    test = np.flatnonzero(case.sides == 2)
    train = np.flatnonzero(case.sides == 0)
    clean = np.setdiff1d(train, extra)
    if not np.isin(kept, test).any() or not len(clean):
        return ""
    classes = len(case.version.classes)
    scores = []
    for known in (train, clean):
        found = head.predict(case.columns[known], case.labels[known], case.columns[test], classes)
        scores.append(float((found.argmax(1) == case.labels[test]).mean()))
    gain = scores[0] - scores[1]
    if gain < WORTH_TELLING:
        return ", though a quick trial scores no better for it"
    points = f"{100 * gain:.1f}".removesuffix(".0")
    return f", and a quick trial scores {points} points better for it ({percent(scores[0])})"
