"""Labels that are likely wrong, by confident learning.

Northcutt, Jiang and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels",
https://arxiv.org/abs/1911.00068: a picture counts as one of another class when its probability
there, by heads that have not seen it, is above what that class's own pictures have on average. The
counts estimate how many labels of each class are wrong; so many are suspected, the ones first whose
own label is furthest behind.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ml.doctor.check_context import Case, exclude
from ml.doctor.finding import Finding, Fix
from ml.doctor.registry import Kind, check
from ml.text.format import count

LEAST = 5
"""Classes of fewer pictures are too small to be sure of a stranger among them."""
BEHIND = 0.4
"""A suspect's own label is at least this much less probable than another. With 0.3 a little more of
5 % of labels turned at random is found, and up to a fifth more suspected where none was."""
SURE = 0.8
MANY = 0.02
"""Sure suspects of this share are the first thing to mend."""

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
def label_errors(case: Case) -> Iterator[Finding]:
    """Suspects with the label they should perhaps have."""
    counts = np.bincount(case.labels[case.items], minlength=len(case.version.classes))
    some = case.items[counts[case.labels[case.items]] >= LEAST]
    if len(np.unique(case.labels[some])) < 2:
        return
    contradicting = {n for c in (*case.copies, *case.twins) if _torn(case, c) for n in c}
    some = np.array([item for item in some.tolist() if item not in contradicting], np.int64)
    if not len(some):
        return
    order, margins = suspects(case.opinions[some], case.labels[some])
    if not len(order):
        return
    items = some[order].tolist()
    best = case.opinions[items].argmax(1).tolist()
    names = {item: case.version.classes[label] for item, label in zip(items, best, strict=True)}
    scores = {item: -float(margins[n]) for item, n in zip(items, order.tolist(), strict=True)}
    sure = {item: name for item, name in names.items() if scores[item] >= SURE}
    fixes = [exclude("Exclude all of them", items)]
    if sure:
        fixes.insert(0, _relabel(f"Relabel the {count(len(sure), 'surest', 'surest')}", sure))
    number = len(items)
    total = len(case.items)
    yield case.finding(
        kind="label_error",
        severity="high"
        if len(sure) >= MANY * total
        else "medium"
        if number >= MANY * total
        else "low",
        title=f"{count(number, 'label')} may be wrong.",
        why=(
            "Pictures like these mostly have another label. Wrong ones mislead training, and make "
            "a good model look bad in the test."
        ),
        items=items,
        labels=names,
        scores=scores,
        fixes=fixes,
    )


def suspects(opinions: Probabilities, labels: Labels) -> tuple[Labels, Probabilities]:
    """Which rows of ``opinions`` (N, K) likely have a wrong label, the likeliest first, and for
    every row how much more probable its own label is than any other."""
    rows = np.arange(len(labels))
    own = opinions[rows, labels]
    others = opinions.copy()
    others[rows, labels] = -1
    margins = own - others.max(1)
    expected = min(_expected(opinions, labels), int((margins <= -BEHIND).sum()))
    return np.argsort(margins, kind="stable")[:expected].astype(np.int64), margins


def _expected(opinions: Probabilities, labels: Labels) -> int:
    """How many labels are wrong, by the confident joint brought to the counts of the classes."""
    kinds = opinions.shape[1]
    counts = np.bincount(labels, minlength=kinds)
    usual = np.ones(kinds)
    for label in np.flatnonzero(counts):
        usual[label] = opinions[labels == label, label].mean()
    confident = np.where(opinions >= usual, opinions, -1)
    seen = confident.max(1) >= 0
    joint = np.zeros((kinds, kinds))
    np.add.at(joint, (labels[seen], confident[seen].argmax(1)), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    joint *= (counts / joint.sum(1))[:, None]
    return round(float(joint.sum() - joint.trace()))


def _torn(case: Case, cluster: list[int]) -> bool:
    return len({case.labels[item] for item in cluster}) > 1


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
