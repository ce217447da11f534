"""ROC and precision-recall curves of one class against the rest, as Plotly figures.

Colours are the names of the theme that ``dashboard.components.widgets.plot`` knows.
"""

from typing import Any

import numpy as np

from dashboard.text.markdown import percentage
from ml.metrics import thresholds
from ml.metrics.roc import Curve
from ml.metrics.thresholds import Called

MAX_POINTS = 400
"""Points of a curve that are drawn: more would not be told apart."""
HOVER = "from %{customdata} on<br>"


def roc(curve: Curve, chosen: Called) -> dict[str, Any]:
    """How much of the class is found for how many false alarms; ``chosen`` is marked.

    The class and the others have pictures both.
    """
    places = thinned(curve)
    across = _percent(np.append(0.0, curve.false_alarms[places]))
    up = _percent(np.append(0.0, curve.recall[places]))
    alarm = chosen.false_alarms / max(1, chosen.negatives)
    return {
        "data": [
            _line("Chance", [0, 100], [0, 100], {"color": "$muted", "dash": "dash", "width": 1.5}),
            {
                **_line("This model", across, up, {"color": "$cat0", "width": 2}),
                "customdata": ["above all", *_levels(curve, places)],
                "hovertemplate": HOVER + "found %{y:.1f} %, false alarms %{x:.1f} %<extra></extra>",
            },
            _mark(alarm, chosen.recall, chosen),
        ],
        "layout": _layout("False alarms, share of the others", "Found (recall)"),
        "table": _table(curve, ("Found (recall)", "False alarms, share of the others")),
    }


def precision_recall(curve: Curve, chosen: Called) -> dict[str, Any]:
    """How many of the called are right for how much of the class is found."""
    places = thinned(curve)
    share = curve.positives / max(1, curve.positives + curve.negatives)
    across = _percent(np.append(0.0, curve.recall[places]))
    up = _percent(np.append(curve.precision[places[:1]], curve.precision[places]))
    dashed = {"color": "$muted", "dash": "dash", "width": 1.5}
    return {
        "data": [
            _line("Calling everything it", [0, 100], _percent(np.array([share, share])), dashed),
            {
                **_line("This model", across, up, {"color": "$cat1", "width": 2, "shape": "vh"}),
                "customdata": ["above all", *_levels(curve, places)],
                "hovertemplate": HOVER + "right %{y:.1f} %, found %{x:.1f} %<extra></extra>",
            },
            _mark(chosen.recall, chosen.precision, chosen),
        ],
        "layout": _layout("Found (recall)", "Right when called (precision)"),
        "table": _table(curve, ("Right when called (precision)", "Found (recall)")),
    }


def thinned(curve: Curve, max_points: int = MAX_POINTS) -> np.ndarray:
    """Which points of a curve are drawn: both ends, evenly, and more where little is called."""
    last = len(curve.called) - 1
    if last < max_points:
        return np.arange(last + 1)
    even = np.linspace(0, last, max_points // 2)
    dense = np.geomspace(1, last + 1, max_points // 2) - 1
    return np.unique(np.concatenate([even, dense]).round().astype(int))


def _line(name: str, x: list[Any], y: list[Any], line: dict[str, Any]) -> dict[str, Any]:
    skipped = {"hoverinfo": "skip"} if "dash" in line else {}
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "line": line, **skipped
    }  # fmt: skip


def _mark(x: float | None, y: float | None, chosen: Called) -> dict[str, Any]:
    """The threshold that is chosen; nothing where it calls nothing."""
    is_drawn = x is not None and y is not None
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Chosen threshold",
        "x": [100 * x] if is_drawn and x is not None else [],
        "y": [100 * y] if is_drawn and y is not None else [],
        "marker": {"color": "$accent", "size": 12, "line": {"color": "$back", "width": 2}},
        "hovertemplate": f"from {percentage(chosen.threshold)} on<extra></extra>",
    }


def _layout(across: str, up: str) -> dict[str, Any]:
    return {
        "xaxis": {"title": across, "range": [-1, 102], "ticksuffix": " %"},
        "yaxis": {"title": up, "range": [-1, 104], "ticksuffix": " %"},
    }


def _table(curve: Curve, columns: tuple[str, str]) -> list[list[str]]:
    """Every tenth threshold as rows."""
    rows = [["Threshold", "Called", *columns]]
    for tenth in range(11):
        one = thresholds.call(curve, tenth / 10)
        shares = {
            "Found (recall)": one.recall,
            "Right when called (precision)": one.precision,
            "False alarms, share of the others": one.false_alarms / max(1, one.negatives),
        }
        rows.append(
            [f"{10 * tenth} %", f"{one.called:,}", *(percentage(shares[n]) for n in columns)]
        )
    return rows


def _levels(curve: Curve, places: np.ndarray) -> list[str]:
    return [percentage(float(level)) for level in curve.levels[places]]


def _percent(shares: np.ndarray) -> list[float]:
    return [float(share) for share in np.round(100 * shares, 2)]
