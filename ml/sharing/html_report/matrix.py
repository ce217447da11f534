"""Section of the report: the confusion matrix as an accessible table, shaded in one hue."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from ml.evaluation.results import MAX_CONFUSED_CLASSES, most_confused
from ml.sharing.html_report.rendering import render
from ml.sharing.html_report.report_data import Subject
from ml.text.format import count, percentage, shortened

MAX_CLASSES = 30
"""With more classes than this, the most confused of them are shown."""
MAX_CLASSES_UPRIGHT, MAX_NAME = 12, 30
"""With more classes than the first, column names are turned and every name is shortened to so many
characters; numbers are small."""
FREQUENT_MISTAKES = 5
FLIP = 0.36
"""From this share of a row on, a cell is dark and its numbers light (in the dark theme the other
way round). Between the two lies a tone on which neither would be legible; it is left out."""


def confusion(subject: Subject) -> Markup:
    """The section."""
    names, matrix = subject.results.classes, subject.report["confusion"]
    shown, selection = list(range(len(names))), None
    if len(names) > MAX_CLASSES:
        shown = most_confused(matrix, MAX_CONFUSED_CLASSES)
        selection = (
            f"There are {len(names)} classes. Shown are the {MAX_CONFUSED_CLASSES} with the most "
            "mistakes, as truth or as guess; what was taken for another class is in the percent "
            "and in the last column, but has no column of its own."
        )
    dense = len(shown) > MAX_CLASSES_UPRIGHT
    return render(
        "confusion_matrix",
        selection=selection,
        dense=dense,
        names=[_name(names[column], dense=dense) for column in shown],
        rows=[
            {
                "name": _name(names[row], dense=dense),
                "cells": [_cell(matrix[row], row, column, names) for column in shown],
                "total": sum(matrix[row]),
            }
            for row in shown
        ],
        frequent=_frequent(subject),
    )


def _name(name: str, *, dense: bool) -> dict[str, str | None]:
    """A class name as ``text``, and as ``title`` in full where there was no room for it."""
    text = shortened(name, MAX_NAME) if dense else name
    return {"text": text, "title": name if text != name else None}


def _cell(counts: Sequence[int], row: int, column: int, names: Sequence[str]) -> dict[str, Any]:
    """The cell of true class ``row`` and predicted class ``column``; ``counts`` is its row."""
    number, total = counts[column], sum(counts)
    share = number / total if total else 0.0
    outcome = "recognised" if row == column else f"taken for {names[column]}"
    return {
        "number": number,
        "share": percentage(share),
        "class_": f"cell tone{tone(share)}"
        + (" right" if row == column else "")
        + ("" if number else " none"),
        "title": f"{number:,} of {total:,} {names[row]}: {outcome}",
    }


def tone(share: float) -> int:
    """The tone of a cell, 0 to 9, for its share of the row. The square root lifts the few mistakes
    out of the background of a full diagonal.

    >>> [tone(share) for share in (0.0, 0.001, 0.1, 0.35, 0.36, 0.7, 1.0)]
    [0, 1, 3, 5, 7, 8, 9]
    """
    if share >= FLIP:
        return 9 if share > 0.82 else 8 if share > 0.5 else 7
    return max(1, round(5 * (share / FLIP) ** 0.5)) if share > 0 else 0


def _frequent(subject: Subject) -> list[dict[str, str]]:
    """The most frequent mistakes: how many pictures, truth, guess, and the share of the class."""
    names, matrix = subject.results.classes, subject.report["confusion"]
    return [
        {
            "pictures": count(number, "picture"),
            "truth": names[truth],
            "guess": names[guess],
            "share": percentage(number / sum(matrix[truth])),
        }
        for truth, guess, number in subject.results.confusions(FREQUENT_MISTAKES)
    ]
