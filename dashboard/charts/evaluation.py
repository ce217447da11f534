"""Charts of Evaluate: per-class metrics, reliability diagram, threshold curves, as Plotly figures.
Pure.

Colours are the names of the theme that ``dashboard.components.widgets.plot`` knows.
"""

from collections.abc import Sequence
from typing import Any

from dashboard.text.class_names import class_axis, literal
from dashboard.text.markdown import percentage, with_span
from dashboard.text.wording import count
from ml.metrics.report import bin_interval

MAX_BARS = 24
"""More classes than this are not drawn as bars; the table has them all."""
ORDERS = ("Weakest first", "By name", "Most pictures first")


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

    The first of at most ``MAX_BARS`` entries is on top.
    """
    shown = list(entries)[:MAX_BARS]
    names = [str(entry["class"]) for entry in shown]
    hover = [
        f"<b>{literal(entry['class'])}</b><br>precision {percentage(entry['precision'])}, recall "
        f"{with_span(entry['recall'], entry.get('recall_interval'))}, F1 "
        f"{percentage(entry['f1'])}<br>{count(int(entry['support']), 'test picture')}"
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
                "error_x": whiskers([entry["recall"] for entry in shown], ends, "$cat1"),
            },
        ],
        "layout": {
            "bargap": 0.45,
            "xaxis": {"range": [0, 103], "ticksuffix": " %", "title": ""},
            "yaxis": {
                **class_axis(names),
                "categoryorder": "array",
                "categoryarray": names,
                "range": [len(names) - 0.5, -0.5],
            },
        },
    }


def reliability(
    bins: Sequence[dict[str, float]], before: Sequence[dict[str, float]] = ()
) -> dict[str, Any]:
    """How often guesses of about the same probability are right; on the line they mean it.

    ``bins`` are those of a report's calibration: ``confidence``, ``accuracy``, ``pictures``;
    ``before`` are those of the network's own probabilities, drawn behind them.
    """
    largest_bin = max((entry["pictures"] for entry in bins), default=1)
    ends = [bin_interval(entry) for entry in bins]
    hover = [
        f"said {percentage(entry['confidence'])}, right {with_span(entry['accuracy'], end)}"
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
            *([_uncalibrated(before)] if before else []),
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "This model",
                "x": [round(100 * entry["confidence"], 2) for entry in bins],
                "y": [round(100 * entry["accuracy"], 2) for entry in bins],
                "marker": {
                    "size": [8 + 16 * (entry["pictures"] / largest_bin) ** 0.5 for entry in bins],
                    "color": "$validation",
                },
                "line": {"color": "$validation", "width": 1.5},
                "error_y": whiskers([entry["accuracy"] for entry in bins], ends, "$validation"),
                "customdata": hover,
                "hovertemplate": "%{customdata}<extra></extra>",
            },
        ],
        "layout": {
            "xaxis": {"title": "Probability given", "range": [0, 102], "ticksuffix": " %"},
            "yaxis": {"title": "Share right", "range": [0, 104], "ticksuffix": " %"},
        },
    }


def _uncalibrated(bins: Sequence[dict[str, float]]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "Before calibration",
        "x": [round(100 * entry["confidence"], 2) for entry in bins],
        "y": [round(100 * entry["accuracy"], 2) for entry in bins],
        "marker": {"size": 7, "color": "$muted"},
        "line": {"color": "$muted", "width": 1.5, "dash": "dot"},
        "hovertemplate": "said %{x:.0f} %, right %{y:.0f} %<extra>before calibration</extra>",
    }


def whiskers(values: Sequence[float], ends: Sequence[Any], colour: str) -> dict[str, Any]:
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
        outcomes = [
            is_right
            for probability, is_right in zip(confidence, right, strict=True)
            if probability >= level
        ]
        answered.append(round(100 * len(outcomes) / max(1, len(confidence)), 2))
        correct.append(round(100 * sum(outcomes) / len(outcomes), 2) if outcomes else None)

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
