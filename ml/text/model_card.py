"""Model card sentences: what a classifier is, for whoever receives it. Plain text; light."""

from collections.abc import Callable, Sequence
from typing import Any

from ml.text.format import count, percentage

MAX_NAMES = 20
MIN_PICTURES_FOR_RECALL = 5
"""Of a class, to say how often it is recognised."""
LIMITS = "It knows its classes and nothing else: whatever the picture shows, it names one of them."


def apart(classes: Sequence[str], named: Callable[[str], str] = str) -> str:
    """Which classes it tells apart. ``named`` writes the name of a class.

    >>> apart(["cat", "dog"])
    'Tells 2 classes apart: cat, dog.'
    """
    names = [named(str(one)) for one in classes]
    rest = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return (
        f"Tells {count(len(names), 'class', 'classes')} apart: "
        f"{', '.join(names[:MAX_NAMES])}{rest}."
    )


def learned_from(record: dict[str, Any], model: str) -> str:
    """The data set, its version and how many pictures, of a run's ``dataset.json``.

    >>> learned_from({"name": "pets", "version": 2, "counts": {"train": 70, "val": 15}}, "vit")
    'The data set pets, version 2: 70 pictures to learn from, 15 to choose by. The network is vit.'
    """
    counts = record.get("counts") or {}
    sentence = f"The data set {record.get('name', '')}, version {record.get('version', 1)}"
    if counts.get("train"):
        sentence += f": {count(counts['train'], 'picture')} to learn from"
        sentence += f", {counts['val']:,} to choose by" if counts.get("val") else ""
    return f"{sentence}. The network is {model}." if model else f"{sentence}."


def hardest(report: dict[str, Any], named: Callable[[str], str] = str) -> str:
    """The class that it recognises most seldom; empty where the test pictures are too few to say,
    or where all are recognised alike."""
    measured = [
        one for one in report.get("per_class") or [] if one["support"] >= MIN_PICTURES_FOR_RECALL
    ]
    measured = [one for one in measured if one["recall"] is not None]
    if len(measured) < 2:
        return ""
    worst = min(measured, key=lambda one: float(one["recall"]))
    if worst["recall"] == max(one["recall"] for one in measured):
        return ""
    return (
        f"It is weakest on {named(str(worst['class']))}: it recognised "
        f"{percentage(worst['recall'])} of {worst['support']:,} test pictures."
    )
