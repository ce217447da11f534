"""Confusion matrix chart: values, tones and sentences for
``dashboard.components.evaluate.matrix_table``."""

from collections.abc import Sequence
from typing import Any, Literal

from dashboard.text.class_names import MAX_LABEL_LENGTH, MAX_NAMED_CLASSES
from dashboard.text.markdown import percentage, shortened

__all__ = ["LIGHT_TEXT_FROM", "MAX_NAMED_CLASSES", "SCALE", "Share", "matrix", "row_height"]

LIGHT_TEXT_FROM = 0.36
"""From this share of the largest value on, a cell is dark and its number light (in the dark theme
the other way round). The scale leaps there over the tones on which neither would be legible."""
Share = Literal["", "row", "column"]
# The square root of the value lifts the few mistakes out of the background of a full diagonal.
SCALE: tuple[tuple[float, int], ...] = (
    *((LIGHT_TEXT_FROM * (step / 5) ** 2, step) for step in range(6)),
    *(((0.6 + 0.2 * step) ** 2, 7 + step) for step in range(3)),
)
"""Shares of the largest value, and which colour of the theme's sequence each of them has."""


def matrix(
    confusion: Sequence[Sequence[int]],
    classes: Sequence[str],
    *,
    share: Share = "",
    shown: Sequence[int] | None = None,
    chosen: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    """The confusion matrix, rows the truth.

    Args:
        share: ``row`` or ``column`` for the percent of it, of all classes, instead of counts.
        shown: the classes to show, by index, in this order; else all.
        chosen: (truth, guess) to be framed; None in one of them for a whole column or row.

    Returns:
        ``names``, ``labels`` (the names, short enough to stand beside a row), ``values`` (rows of
        numbers), ``most`` (that which is darkest), ``said`` (a sentence a cell), ``frame`` (first
        row, last row, first column, last column; None where nothing is chosen), ``height`` (pixels
        of a row), ``scale`` and ``flip``.
    """
    class_indices = list(range(len(classes)) if shown is None else shown)
    names = [classes[index] for index in class_indices]
    totals = [sum(confusion[index]) for index in class_indices]
    counts = [[int(confusion[row][column]) for column in class_indices] for row in class_indices]
    column_totals = [sum(line[index] for line in confusion) for index in class_indices]
    values: Sequence[Sequence[float]] = counts
    if share:
        values = [
            [
                round(100 * n / total, 2) if (total := row if share == "row" else column) else 0.0
                for n, column in zip(line, column_totals, strict=True)
            ]
            for line, row in zip(counts, totals, strict=True)
        ]
    return {
        "names": names,
        "labels": [shortened(name, MAX_LABEL_LENGTH) for name in names],
        "values": values,
        "most": 100 if share else max(1, max((max(line) for line in counts), default=1)),
        "said": _cells(counts, totals, column_totals, names),
        "frame": _frame(class_indices, chosen),
        "height": row_height(len(class_indices)),
        "scale": SCALE,
        "flip": LIGHT_TEXT_FROM,
    }


def row_height(classes: int) -> int:
    """Pixels of a row in a matrix of that many classes."""
    steps = ((8, 46), (12, 36), (MAX_NAMED_CLASSES, 26), (60, 17))
    return next((height for limit, height in steps if classes <= limit), 12)


def _cells(
    counts: list[list[int]], totals: list[int], column_totals: list[int], names: list[str]
) -> list[list[str]]:
    """What is said of each cell, with its share of the row and of the column."""

    def sentence(n: int, total: int, truth: str, guess: str, column_total: int) -> str:
        outcome = "recognised" if truth == guess else f"taken for {guess}"
        row_share = f" ({percentage(n / total)})" if total else ""
        column_share = (
            f"\n{percentage(n / column_total)} of the {column_total} guesses {guess}" if n else ""
        )
        return f"{n} of {total} {truth}\n{outcome}{row_share}{column_share}"

    return [
        [
            sentence(n, total, truth, guess, column_total)
            for n, guess, column_total in zip(line, names, column_totals, strict=True)
        ]
        for line, total, truth in zip(counts, totals, names, strict=True)
    ]


def _frame(
    class_indices: list[int], chosen: tuple[int | None, int | None]
) -> tuple[int, int, int, int] | None:
    """Rows and columns, from and to, of the chosen cell, row or column."""
    truth, guess = chosen
    if (truth is None and guess is None) or not {truth, guess} - {None} <= set(class_indices):
        return None
    last = len(class_indices) - 1
    top, bottom = (0, last) if truth is None else (class_indices.index(truth),) * 2
    left, right = (0, last) if guess is None else (class_indices.index(guess),) * 2
    return top, bottom, left, right
