"""Model card sentences: what a classifier is, for whoever receives it. Plain text; light."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from ml.metrics.thresholds import MIN_PICTURES_FOR_CURVE
from ml.text import report_sentences
from ml.text.format import count, percentage

MAX_NAMES = 20
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
    """The weakest class, by the rule of ``report_sentences.weakest_class``, and what is weak about
    it; empty where the test pictures are too few to say, or where all are recognised alike."""
    measured = [one for one in report.get("per_class") or [] if one["support"]]
    worst = report_sentences.weakest_class(measured)
    if worst is None or worst["support"] < MIN_PICTURES_FOR_CURVE:
        return ""
    if worst["f1"] == max(one["f1"] for one in measured):
        return ""
    name = named(str(worst["class"]))
    recall, precision = worst["recall"], worst.get("precision")
    if precision is not None and precision < recall:
        return (
            f"It is weakest on {name}: of the test pictures that it called so "
            f"{percentage(precision)} were."
        )
    return (
        f"It is weakest on {name}: it recognised {percentage(recall)} of {worst['support']:,} "
        "test pictures."
    )


def markdown(
    name: str,
    manifest: dict[str, Any],
    dataset: dict[str, Any],
    report: dict[str, Any] | None,
) -> str:
    """The card as a Markdown page, of a run's name, ``model.json``, ``dataset.json`` and report."""
    classes = [str(one) for one in manifest["classes"]]
    good = ["It was not tested."]
    if report:
        pictures = int(report.get("pictures") or 0)
        good = [
            report_sentences.headline(report, escaped),
            f"Measured on {count(pictures, 'test picture')} that it never learned from.",
            report_sentences.reading(report, pictures),
            hardest(report, escaped),
        ]
    limits = [
        LIMITS,
        report_sentences.threshold(float(manifest["threshold"]), manifest.get("answers")),
        report_sentences.unlike(manifest.get("unlike")),
        report_sentences.unlike_method(manifest.get("unlike")),
        "It was not tested on pictures of another source, camera or place than these.",
    ]
    licence = manifest.get("licence")
    parts = {
        "What it does": [apart(classes, escaped)],
        "What it learned from": [learned_from(dataset, str(manifest["model"]))],
        "How good it is": good,
        "What it cannot do": limits,
        "What it is for": ["(Write here whom it serves, and what it must not decide.)"],
        "Licences": [
            f"Weights that it started from: {licence}." if licence else "No weights of others.",
            "Pictures: as their source says.",
        ],
    }
    sections = [f"## {title}\n\n{' '.join(filter(None, text))}\n" for title, text in parts.items()]
    return "\n".join([f"# {escaped(name)}\n", *sections])


def escaped(text: str) -> str:
    """``text`` as plain words of Markdown.

    >>> print(escaped("a*b"))
    a\\*b
    """
    return re.sub(r"([\\`*_\[\]<>#|!$~&])", r"\\\1", " ".join(text.split()))
