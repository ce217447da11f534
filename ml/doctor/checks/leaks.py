"""Check of leaks: test pictures that are also in training, and their effect on the score."""

from collections.abc import Iterator, Sequence

import numpy as np

from ml.doctor import logistic_regression
from ml.doctor.check_context import CheckContext, exclude
from ml.doctor.checks.duplicates import crosses_splits, unconfirmed_sentence
from ml.doctor.finding import Finding
from ml.doctor.registry import Kind, check
from ml.text.format import count, is_or_are, percentage

MIN_GAIN_MENTIONED = 0.0005


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
def leaks(context: CheckContext) -> Iterator[Finding]:
    """Copies, and near copies, on two sides of the split."""
    exact = [cluster for cluster in context.exact_duplicates if crosses_splits(context, cluster)]
    leaked = {item for cluster in exact for item in cluster}
    near = [
        c for c in context.near_duplicates if crosses_splits(context, c) and not leaked & set(c)
    ]
    if exact:
        yield _finding(context, "leak", exact, "")
    if near:
        near.sort(key=context.is_confirmed, reverse=True)
        yield _finding(context, "near_leak", near, "nearly ")


def _finding(
    context: CheckContext, kind: str, groups: Sequence[Sequence[int]], nearly: str
) -> Finding:
    kept_items: list[int] = []
    extra: list[int] = []
    for cluster in groups:
        keep, others = context.keep_in_latest_split(cluster)
        kept_items, extra = kept_items + keep, extra + others
    split_numbers = {int(context.split_numbers[item]) for item in kept_items}
    where = "test" if 2 in split_numbers else "validation"
    number = len([item for item in kept_items if context.split_numbers[item] == max(split_numbers)])
    total = int((context.split_numbers == max(split_numbers)).sum())
    share = number / max(total, 1)
    unconfirmed = sum(not context.is_confirmed(cluster) for cluster in groups)
    seen = "A model knows them by heart" if kind == "leak" else "A model has seen nearly the same"
    return context.finding(
        kind=kind,
        severity="medium" if unconfirmed == len(groups) else "high",
        title=f"{count(number, f'{where} picture')} {is_or_are(number)} {nearly}in training too.",
        why=(
            f"{seen}: that is {percentage(share)} of the {where} pictures"
            f"{_flattery(context, kept_items)}.{unconfirmed_sentence(unconfirmed, len(groups))}"
        ),
        advice=(
            f"Exclude {count(len(extra), 'copy', 'copies')} outside {where}. The {where} set stays "
            "as it is."
        ),
        items=[item for cluster in groups for item in cluster],
        groups=groups,
        fixes=[exclude("Exclude the copies", extra)],
    )


def _flattery(context: CheckContext, leaked: Sequence[int]) -> str:
    """What a quick head scores on the test with and without the pictures that are ``leaked``."""
    test, train = (np.flatnonzero(context.split_numbers == side) for side in (2, 0))
    unseen = np.setdiff1d(test, leaked)
    if len(unseen) in (0, len(test)) or not len(train):
        return ""
    classes = len(context.version.classes)
    probabilities = logistic_regression.predict(
        context.classifier_inputs[train],
        context.labels[train],
        context.classifier_inputs[test],
        classes,
    )
    correct = probabilities.argmax(1) == context.labels[test]
    with_them, without = float(correct.mean()), float(correct[np.isin(test, unseen)].mean())
    if with_them - without < MIN_GAIN_MENTIONED:
        return ", though in a quick trial they do not raise the score"
    return (
        f", and in a quick trial they raise the score from {percentage(without, digits=1)} to "
        f"{percentage(with_them, digits=1)}"
    )
