"""The charts of Evaluate and Runs: pure functions from figures to Plotly figures.

Colours are the names of the theme that ``dashboard.components.plot`` knows.
"""

from collections.abc import Sequence
from typing import Any

from dashboard.comparison import METRICS, Curve
from dashboard.text import rounded, shortened, with_span
from dashboard.words import count
from ml.metrics import wilson

LABEL = 18
"""Longest class name on an axis, in characters; the whole name is in the hover text."""
NUMBERED = 16
"""With more classes than this, cells are too small for a number in each."""
MOST_CONFUSED = 20
"""How many classes the matrix shows at first where there are too many for one look."""
NAMED = MOST_CONFUSED + 5
"""With more classes than this, not every one is named on the axes until one zooms."""
BARS = 24
"""More classes than this are not drawn as bars; the table has them all."""
ORDERS = ("Weakest first", "By name", "Most pictures first")

# The square root of the share lifts the few mistakes out of the background of a full diagonal.
_SCALE = [[(step / 9) ** 2, f"$seq{step}"] for step in range(10)]


def literal(text: str) -> str:
    """``text`` for Plotly, which reads a few HTML tags in every label: shown as it stands."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def most_confused(confusion: Sequence[Sequence[int]], most: int = MOST_CONFUSED) -> list[int]:
    """The classes with the most mistakes, as truth or as guess, in the order of the classes."""
    mistakes = [
        sum(confusion[one]) + sum(row[one] for row in confusion) - 2 * confusion[one][one]
        for one in range(len(confusion))
    ]
    return sorted(sorted(range(len(confusion)), key=lambda one: (-mistakes[one], one))[:most])


def matrix(
    confusion: Sequence[Sequence[int]],
    classes: Sequence[str],
    *,
    share: bool = False,
    shown: Sequence[int] | None = None,
    chosen: tuple[int | None, int | None] = (None, None),
) -> dict[str, Any]:
    """The confusion matrix, rows the truth.

    ``share`` shows the percent of the row instead of counts; ``shown`` picks classes by index;
    ``chosen`` (truth, guess) is framed.
    """
    picked = list(range(len(classes)) if shown is None else shown)
    names = [classes[one] for one in picked]
    totals = [sum(confusion[one]) for one in picked]
    counts = [[int(confusion[row][column]) for column in picked] for row in picked]
    shares = [
        [round(100 * n / total, 2) if total else 0.0 for n in line]
        for line, total in zip(counts, totals, strict=True)
    ]
    shown_values = shares if share else counts
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": shown_values,
        "zmin": 0,
        "zmax": 100 if share else max(1, max((max(line) for line in counts), default=1)),
        "colorscale": _SCALE,
        "text": [[f"{n:.0f}" if n else "" for n in line] for line in shown_values],
        "customdata": _cells(counts, totals, names),
        "hovertemplate": "%{customdata}<extra></extra>",
        "showscale": False,
        "xgap": 1 if len(picked) <= 40 else 0,
        "ygap": 1 if len(picked) <= 40 else 0,
    }
    if len(picked) <= NUMBERED:
        trace["texttemplate"] = "%{text}"
    return {
        "data": [trace],
        "layout": {
            "xaxis": {**_ticks(names, 16), "title": "Guess"},
            "yaxis": {**_ticks(names, 50), "title": "Truth", "autorange": "reversed"},
            "shapes": _frame(picked, chosen),
        },
    }


def matrix_height(classes: int) -> int:
    """Pixels for a matrix of that many classes."""
    return min(820, max(300, 130 + classes * (46 if classes <= 12 else 26)))


def _cells(counts: list[list[int]], totals: list[int], names: list[str]) -> list[list[str]]:
    """What hovering over each cell says."""

    def sentence(n: int, total: int, truth: str, guess: str) -> str:
        seen = "recognised" if truth == guess else f"taken for <b>{literal(guess)}</b>"
        part = f" ({rounded(n / total)})" if total else ""
        return f"{n} of {total} <b>{literal(truth)}</b><br>{seen}{part}"

    return [
        [sentence(n, total, truth, guess) for n, guess in zip(line, names, strict=True)]
        for line, total, truth in zip(counts, totals, names, strict=True)
    ]


def _ticks(names: list[str], most: int = NAMED) -> dict[str, Any]:
    """An axis of class names, shortened. With more than ``NAMED``, at most ``most`` are named at a
    time; zooming in names the others."""
    size = 12 if len(names) <= 12 else 10 if len(names) <= 20 else 9
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


def in_order(entries: Sequence[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    """The entries of a report's ``per_class`` in one of ``ORDERS``."""
    keys: dict[str, Any] = {
        "Weakest first": lambda entry: (entry["f1"], entry["class"]),
        "By name": lambda entry: entry["class"].casefold(),
        "Most pictures first": lambda entry: (-entry["support"], entry["class"]),
    }
    return sorted(entries, key=keys[order])


def per_class(entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """F1 as bars, precision and recall as marks on them, recall with its 95 % interval.

    The first of at most ``BARS`` entries is on top.
    """
    shown = list(entries)[:BARS]
    names = [str(entry["class"]) for entry in shown]
    hover = [
        f"<b>{literal(entry['class'])}</b><br>precision {rounded(entry['precision'])}, recall "
        f"{with_span(entry['recall'], entry.get('recall_interval'))}, F1 {rounded(entry['f1'])}<br>"
        f"{count(int(entry['support']), 'test picture')}"
        for entry in shown
    ]
    ends = [entry.get("recall_interval") or [entry["recall"]] * 2 for entry in shown]

    def trace(name: str, kind: str, marker: dict[str, Any]) -> dict[str, Any]:
        values = [round(100 * float(entry[kind]), 2) for entry in shown]
        texts = {"customdata": hover, "hovertemplate": "%{customdata}<extra></extra>"}
        return {
            "name": name,
            "x": values,
            "y": names,
            "marker": marker,
            "orientation": "h",
            **texts,
        }

    def marks(name: str, kind: str, symbol: str, colour: str) -> dict[str, Any]:
        marker = {"symbol": symbol, "size": 10, "color": colour}
        return {"type": "scatter", "mode": "markers", **trace(name, kind, marker)}

    return {
        "data": [
            {"type": "bar", **trace("F1", "f1", {"color": "$seq4"})},
            marks("Precision", "precision", "circle", "$cat0"),
            {
                **marks("Recall", "recall", "diamond", "$cat1"),
                "error_x": _whiskers([entry["recall"] for entry in shown], ends, "$cat1"),
            },
        ],
        "layout": {
            "bargap": 0.45,
            "xaxis": {"range": [0, 103], "ticksuffix": " %", "title": ""},
            "yaxis": {
                **_ticks(names),
                "categoryorder": "array",
                "categoryarray": names,
                "range": [len(names) - 0.5, -0.5],
            },
        },
    }


def reliability(bins: Sequence[dict[str, float]]) -> dict[str, Any]:
    """How often guesses of about the same probability are right; on the line they mean it.

    ``bins`` are those of a report's calibration: ``confidence``, ``accuracy``, ``pictures``.
    """
    most = max((entry["pictures"] for entry in bins), default=1)
    ends = [wilson(entry["accuracy"], entry["pictures"]) for entry in bins]
    hover = [
        f"said {rounded(entry['confidence'])}, right {with_span(entry['accuracy'], end)}"
        f"<br>{count(int(entry['pictures']), 'test picture')}"
        for entry, end in zip(bins, ends, strict=True)
    ]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": "Means what it says",
                "x": [0, 100],
                "y": [0, 100],
                "line": {"color": "$muted", "dash": "dash", "width": 1.5},
                "hoverinfo": "skip",
            },
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "This model",
                "x": [round(100 * entry["confidence"], 2) for entry in bins],
                "y": [round(100 * entry["accuracy"], 2) for entry in bins],
                "marker": {
                    "size": [8 + 16 * (entry["pictures"] / most) ** 0.5 for entry in bins],
                    "color": "$validation",
                },
                "line": {"color": "$validation", "width": 1.5},
                "error_y": _whiskers([entry["accuracy"] for entry in bins], ends, "$validation"),
                "customdata": hover,
                "hovertemplate": "%{customdata}<extra></extra>",
            },
        ],
        "layout": {
            "xaxis": {"title": "Probability given", "range": [0, 102], "ticksuffix": " %"},
            "yaxis": {"title": "Share right", "range": [0, 104], "ticksuffix": " %"},
        },
    }


def _whiskers(values: Sequence[float], ends: Sequence[Any], colour: str) -> dict[str, Any]:
    """Error bars in percent around shares, from their intervals (low, high)."""
    pairs = list(zip(values, ends, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [round(100 * (high - value), 2) for value, (_, high) in pairs],
        "arrayminus": [round(100 * (value - low), 2) for value, (low, _) in pairs],
        "color": f"{colour}/0.55",
        "thickness": 1.2,
        "width": 3,
    }


def thresholds(
    confidence: Sequence[float], right: Sequence[bool], threshold: float
) -> dict[str, Any]:
    """What each threshold would do: the share of pictures called sure, and how many are right.

    ``confidence`` and ``right`` are those of the test pictures' guesses.
    """
    levels = [step / 50 for step in range(50)]
    answered, correct = [], []
    for level in levels:
        kept = [fine for sure, fine in zip(confidence, right, strict=True) if sure >= level]
        answered.append(round(100 * len(kept) / max(1, len(confidence)), 2))
        correct.append(round(100 * sum(kept) / len(kept), 2) if kept else None)

    def line(name: str, values: list[Any], colour: str) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": [round(100 * level) for level in levels],
            "y": values,
            "line": {"color": colour, "width": 2},
            "hovertemplate": "%{y:.0f} %<extra>%{fullData.name}</extra>",
        }

    mark = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 100 * threshold}
    mark |= {"x1": 100 * threshold, "line": {"color": "$muted", "width": 1.5, "dash": "dot"}}
    return {
        "data": [
            line("Right when sure", correct, "$cat0"),
            line("Called sure", answered, "$cat1"),
        ],
        "layout": {
            "hovermode": "x unified",
            "xaxis": {"title": "Threshold", "range": [0, 100], "ticksuffix": " %"},
            "yaxis": {"range": [0, 104], "ticksuffix": " %"},
            "shapes": [mark],
        },
    }


def overlay(curves: Sequence[Curve], metric: str) -> dict[str, Any]:
    """The validation curves of several runs in one chart; ``metric`` is a key of ``METRICS``."""
    factor, unit = (100, " %") if metric == "val_accuracy" else (1, "")
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers" if len(curve.epochs) <= 30 else "lines",
            "name": literal(shortened(curve.label, 32)),
            "x": list(curve.epochs),
            "y": [round(factor * value, 4) for value in curve.values],
            "line": {"color": f"$cat{place}", "width": 2},
            "hovertemplate": f"%{{y:.4g}}{unit}<extra>%{{fullData.name}}</extra>",
        }
        for place, curve in enumerate(curves)
    ]
    return {
        "data": traces,
        "layout": {
            "showlegend": True,
            "hovermode": "x unified",
            "xaxis": {"title": "Epoch", "rangemode": "tozero"},
            "yaxis": {"title": METRICS[metric], "ticksuffix": unit},
        },
    }
