"""Pictures that a model is tested on and has seen in training, and what that does to the score."""

from collections.abc import Iterator, Sequence

import numpy as np

from ml.doctor import logistic_regression
from ml.doctor.check_context import Case, exclude
from ml.doctor.checks.duplicates import crosses
from ml.doctor.finding import Finding
from ml.doctor.registry import Kind, check
from ml.text.format import count, is_or_are, percentage

WORTH_TELLING = 0.0005


@check(
    Kind(
        "leak",
        label="Test pictures that are in training too",
        advice="Exclude the copies outside the test. The test set stays as it is.",
        order=50,
        shows_split=True,
        follows_split=True,
    ),
    Kind(
        "near_leak",
        label="Test pictures that are nearly in training too",
        advice="Exclude the copies outside the test. The test set stays as it is.",
        order=60,
        shows_split=True,
        follows_split=True,
    ),
)
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
        kind=kind,
        severity="high",
        title=f"{count(number, f'{where} picture')} {is_or_are(number)} {nearly}in training too.",
        why=(
            f"A model knows them by heart: that is {percentage(share)} of the {where} pictures"
            f"{_flattery(case, kept)}."
        ),
        advice=(
            f"Exclude {count(len(extra), 'copy', 'copies')} outside {where}. The {where} set stays "
            "as it is."
        ),
        items=[item for cluster in groups for item in cluster],
        groups=groups,
        fixes=[exclude("Exclude the copies", extra)],
    )


def _flattery(case: Case, known: Sequence[int]) -> str:
    """What a quick head scores on the test with and without the pictures that are ``known``."""
    test, train = (np.flatnonzero(case.sides == side) for side in (2, 0))
    new = np.setdiff1d(test, known)
    if len(new) in (0, len(test)) or not len(train):
        return ""
    classes = len(case.version.classes)
    found = logistic_regression.predict(
        case.columns[train], case.labels[train], case.columns[test], classes
    )
    right = found.argmax(1) == case.labels[test]
    with_them, without = float(right.mean()), float(right[np.isin(test, new)].mean())
    if with_them - without < WORTH_TELLING:
        return ", though in a quick trial they do not raise the score"
    return (
        f", and in a quick trial they raise the score from {percentage(without, digits=1)} to "
        f"{percentage(with_them, digits=1)}"
    )
