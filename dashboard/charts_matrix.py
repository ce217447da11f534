"""The confusion matrix as a Plotly figure: from two to a hundred classes, in both themes.

Colours are the names of the theme that ``dashboard.components.plot`` knows.
"""

from collections.abc import Sequence
from typing import Any, Literal

from dashboard.text import rounded, shortened
from ml.results import MOST_CONFUSED

LABEL = 18
"""Longest class name on an axis, in characters; the whole name is in the hover text."""
NUMBERED = 16
"""With more classes than this, cells are too small for a number in each."""
NAMED = MOST_CONFUSED + 5
"""With more classes than this, not every one is named on the axes until one zooms."""
SMALL, LETTER = 9, 0.6
"""Pixels of the type of many names, and the width of a letter in them."""
FLIP = 0.36
"""From this share of the largest value on, a cell is dark and its number light (in the dark theme
the other way round). The scale leaps there over the tones on which neither would be legible."""
TRUTH, GUESS = "Truth (the label)", "Guess (what the model said)"
Share = Literal["", "row", "column"]
# The square root of the value lifts the few mistakes out of the background of a full diagonal.
_SCALE = [
    *([FLIP * (step / 5) ** 2, f"$seq{step}"] for step in range(6)),
    *([(0.6 + 0.2 * step) ** 2, f"$seq{7 + step}"] for step in range(3)),
]


def literal(text: str) -> str:
    """``text`` for Plotly, which reads a few HTML tags in every label: shown as it stands."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def matrix(
    confusion: Sequence[Sequence[int]],
    classes: Sequence[str],
    *,
    share: Share = "",
    shown: Sequence[int] | None = None,
    chosen: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    """The confusion matrix, rows the truth.

    ``share`` shows the percent of the row or of the column, of all classes, instead of counts;
    ``shown`` picks classes by index and orders them; ``chosen`` (truth, guess) is framed.
    """
    picked = list(range(len(classes)) if shown is None else shown)
    names = [classes[one] for one in picked]
    totals = [sum(confusion[one]) for one in picked]
    counts = [[int(confusion[row][column]) for column in picked] for row in picked]
    guessed = [sum(line[one] for line in confusion) for one in picked]
    shown_values: Sequence[Sequence[float]] = counts
    if share:
        shown_values = [
            [
                round(100 * n / whole, 2) if (whole := row if share == "row" else column) else 0.0
                for n, column in zip(line, guessed, strict=True)
            ]
            for line, row in zip(counts, totals, strict=True)
        ]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": shown_values,
        "zmin": 0,
        "zmax": 100 if share else max(1, max((max(line) for line in counts), default=1)),
        "colorscale": _SCALE,
        "customdata": _cells(counts, totals, guessed, names),
        "hovertemplate": "%{customdata}<extra></extra>",
        "showscale": False,
        "xgap": 1 if len(picked) <= 40 else 0,
        "ygap": 1 if len(picked) <= 40 else 0,
    }
    numbers = [_numbers(names, shown_values, trace["zmax"])] if len(picked) <= NUMBERED else []
    return {
        "data": [trace, *numbers],
        "layout": {
            "xaxis": {**class_axis(names, 16), "title": GUESS},
            "yaxis": {**class_axis(names, 50), "title": TRUTH, "autorange": "reversed"},
            "shapes": _frame(picked, chosen),
            **({"margin": _room(names)} if len(names) > NUMBERED else {}),
        },
    }


def _room(names: Sequence[str]) -> dict[str, int]:
    """Margins that names and title need about at the left and, where they stand on end, below. They
    grow where that is too little, but then Plotly draws everything twice."""
    longest = max(len(shortened(name, LABEL)) for name in names)
    wide = round(LETTER * SMALL * longest)
    return {"l": wide + 28, "b": wide + 33}


def matrix_height(classes: int) -> int:
    """Pixels for a matrix of that many classes."""
    return min(820, max(300, 130 + classes * (46 if classes <= 12 else 26)))


def _numbers(names: list[str], values: Sequence[Sequence[float]], most: float) -> dict[str, Any]:
    """The numbers in the cells, those of empty cells left out, in a colour legible on each."""
    cells = [
        (column, row, value)
        for row, line in zip(names, values, strict=True)
        for column, value in zip(names, line, strict=True)
        if value
    ]
    colours = ["$text" if value < FLIP * most else "$back" for *_, value in cells]
    return {
        "type": "scatter",
        "mode": "text",
        "x": [column for column, *_ in cells],
        "y": [row for _, row, _ in cells],
        "text": [f"{value:.0f}" for *_, value in cells],
        "textfont": {"color": colours},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _cells(
    counts: list[list[int]], totals: list[int], guessed: list[int], names: list[str]
) -> list[list[str]]:
    """What hovering over each cell says, with its share of the row and of the column."""

    def sentence(n: int, total: int, truth: str, guess: str, taken: int) -> str:
        seen = "recognised" if truth == guess else f"taken for <b>{literal(guess)}</b>"
        part = f" ({rounded(n / total)})" if total else ""
        column = f"<br>{rounded(n / taken)} of the {taken} guesses {literal(guess)}" if n else ""
        return f"{n} of {total} <b>{literal(truth)}</b><br>{seen}{part}{column}"

    return [
        [
            sentence(n, total, truth, guess, taken)
            for n, guess, taken in zip(line, names, guessed, strict=True)
        ]
        for line, total, truth in zip(counts, totals, names, strict=True)
    ]


def class_axis(names: list[str], most: int = NAMED) -> dict[str, Any]:
    """An axis of class names, shortened. With more than ``NAMED``, at most ``most`` are named at a
    time; zooming in names the others."""
    size = 12 if len(names) <= 12 else 10 if len(names) <= 20 else SMALL
    shown = [literal(shortened(name, LABEL)) for name in names]
    axis = {
        "type": "category",
        "tickfont": {"size": size, "color": "$text"},
        "showgrid": False,
        "zeroline": False,
    }
    if len(names) <= NAMED:
        return axis | {"tickmode": "array", "tickvals": names, "ticktext": shown}
    return axis | {"nticks": most, "labelalias": dict(zip(names, shown, strict=True))}


def _frame(picked: list[int], chosen: tuple[int | None, int | None]) -> list[dict[str, Any]]:
    """A frame around the chosen cell, row or column; none where nothing is chosen."""
    truth, guess = chosen
    if (truth is None and guess is None) or not {truth, guess} - {None} <= set(picked):
        return []
    last = len(picked) - 1
    top, bottom = (0, last) if truth is None else (picked.index(truth),) * 2
    left, right = (0, last) if guess is None else (picked.index(guess),) * 2
    edges = {"x0": left - 0.5, "x1": right + 0.5, "y0": top - 0.5, "y1": bottom + 0.5}
    return [{"type": "rect", **edges, "line": {"width": 3, "color": "$validation"}}]
