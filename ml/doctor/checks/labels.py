"""Check of labels: likely label errors, by confident learning.

Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels",
https://arxiv.org/abs/1911.00068: a picture counts as one of another class when its probability
there, by heads that have not seen it, is above what that class's own pictures have on average. The
counts estimate how many labels of each class are wrong; so many are suspected, the ones first whose
own label is furthest behind. Where classes look alike most suspects are right, so the finding says
how many of them are likely wrong here (``ml.doctor.label_noise``).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml.doctor.check_context import CheckContext, exclude
from ml.doctor.finding import Finding, Fix
from ml.doctor.label_noise import Precision, suspect_precision
from ml.doctor.registry import Kind, check
from ml.text.format import count

MIN_PICTURES_IN_CLASS = 5
"""In smaller classes no label is suspected."""
MIN_MARGIN = 0.4
"""A suspect's own label is less probable than another by at least this. With 0.3 a little more of
5 % of labels turned at random is found, and up to a fifth more suspected where none was."""
MIN_SURE_MARGIN = 0.8
MIN_HARMFUL_SHARE = 0.02
"""Of the set: with sure suspects above it the severity may be high, with all suspects medium."""
MIN_PRECISION_FOR_HIGH, MIN_LOW_BOUND_FOR_HIGH = 0.5, 0.2
"""Of the estimated precision and of the lower bound of its interval."""
MIN_PRECISION_FOR_MEDIUM = 0.2
MIN_PRECISION_FOR_FIXES = 0.5
"""With less no button changes several labels: most of them are right."""

Probabilities = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@check(
    Kind(
        "label_error",
        label="Labels that may be wrong",
        advice="Look at them, the likeliest first. Some are only unusual: those are worth keeping.",
        order=150,
    ),
)
def label_errors(context: CheckContext) -> Iterator[Finding]:
    """Suspects with the label they should perhaps have."""
    counts = np.bincount(context.labels[context.items], minlength=len(context.version.classes))
    candidates = context.items[counts[context.labels[context.items]] >= MIN_PICTURES_IN_CLASS]
    if len(np.unique(context.labels[candidates])) < 2:
        return
    contradicting = {
        n
        for c in (*context.exact_duplicates, *context.near_duplicates)
        if _has_several_labels(context, c)
        for n in c
    }
    candidates = np.array(
        [item for item in candidates.tolist() if item not in contradicting], np.int64
    )
    if not len(candidates):
        return
    order, margins = suspects(context.label_probabilities[candidates], context.labels[candidates])
    if not len(order):
        return
    items = candidates[order].tolist()
    precision = suspect_precision(
        context.label_probabilities[candidates], context.labels[candidates], order
    )
    likeliest = context.label_probabilities[items].argmax(1).tolist()
    names = {
        item: context.version.classes[label] for item, label in zip(items, likeliest, strict=True)
    }
    scores = {item: -float(margins[n]) for item, n in zip(items, order.tolist(), strict=True)}
    sure = {item: name for item, name in names.items() if scores[item] >= MIN_SURE_MARGIN}
    number, total = len(items), len(context.items)
    yield context.finding(
        kind="label_error",
        severity=_severity(precision, len(sure) / total, number / total),
        title=f"{count(number, 'label')} may be wrong.",
        why=(
            f"{precision_sentence(precision, number)} Wrong ones mislead training, and make a good "
            "model look bad in the test."
        ),
        items=items,
        labels=names,
        scores=scores,
        fixes=_fixes(context, items, sure) if precision.share >= MIN_PRECISION_FOR_FIXES else (),
    )


def precision_sentence(precision: Precision, suspects: int) -> str:
    """How many of so many suspects are likely wrong, in tenths or, of fewer than ten, in pictures.

    >>> precision_sentence(Precision(0.42, 0.18, 0.71), 61)
    'About 4 of 10 of these labels are likely wrong (2 to 7); the others are right but unusual.'
    """
    of = min(10, suspects)
    share, low, high = (round(of * value) for value in precision)
    if not share:
        return (
            f"Probably hardly any of these labels is wrong (0 to {high} of {of}): some classes "
            "look alike here."
        )
    return (
        f"About {share} of {of} of these labels {'is' if share == 1 else 'are'} likely wrong "
        f"({low} to {high}); the others are right but unusual."
    )


def _severity(precision: Precision, sure_share: float, share: float) -> str:
    reliable = precision.share >= MIN_PRECISION_FOR_HIGH and precision.low >= MIN_LOW_BOUND_FOR_HIGH
    if sure_share >= MIN_HARMFUL_SHARE and reliable:
        return "high"
    if share >= MIN_HARMFUL_SHARE and precision.share >= MIN_PRECISION_FOR_MEDIUM:
        return "medium"
    return "low"


def _fixes(context: CheckContext, items: list[int], sure: dict[int, str]) -> list[Fix]:
    fixes = [exclude("Exclude all of them", items)]
    changed = {item: name for item, name in sure.items() if not context.is_tested(item)}
    if changed:
        label = f"Relabel the {count(len(changed), 'surest', 'surest')}"
        fixes.insert(0, _relabel(label, changed))
    return fixes


def suspects(probabilities: Probabilities, labels: Labels) -> tuple[Labels, Probabilities]:
    """Find likely label errors by confident learning.

    Args:
        probabilities: out-of-fold, (N, K).
        labels: (N,).

    Returns:
        The rows that likely have a wrong label, the likeliest first, and the margin of each row,
        (N,): the probability of its own label less that of the likeliest other.
    """
    rows = np.arange(len(labels))
    own_probability = probabilities[rows, labels]
    others = probabilities.copy()
    others[rows, labels] = -1
    margins = own_probability - others.max(1)
    expected = min(_expected(probabilities, labels), int((margins <= -MIN_MARGIN).sum()))
    return np.argsort(margins, kind="stable")[:expected].astype(np.int64), margins


def _expected(probabilities: Probabilities, labels: Labels) -> int:
    """How many labels are wrong, by the confident joint brought to the counts of the classes."""
    classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=classes)
    mean_confidence = np.ones(classes)
    for label in np.flatnonzero(counts):
        mean_confidence[label] = probabilities[labels == label, label].mean()
    confident = np.where(probabilities >= mean_confidence, probabilities, -1)
    counted = confident.max(1) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (labels[counted], confident[counted].argmax(1)), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    joint *= (counts / joint.sum(1))[:, None]
    return round(float(joint.sum() - joint.trace()))


def _has_several_labels(context: CheckContext, cluster: list[int]) -> bool:
    return len({context.labels[item] for item in cluster}) > 1


def _relabel(text: str, names: dict[int, str]) -> Fix:
    edits = [
        {
            "do": "relabel",
            "items": sorted(n for n, own in names.items() if own == name),
            "label": name,
        }
        for name in sorted(set(names.values()))
    ]
    return Fix(text, edits)
