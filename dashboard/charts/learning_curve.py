"""Learning curve chart, as a Plotly figure. Pure."""

from collections.abc import Sequence
from typing import Any

from dashboard.charts.evaluation import whiskers
from dashboard.text.markdown import with_span
from dashboard.text.wording import count


def learning_curve(report: dict[str, Any]) -> dict[str, Any]:
    """Accuracy by training pictures, with 95 % intervals.

    Where a power law fits, a hollow mark at twice the pictures shows the expected accuracy.
    """
    points = report["points"]
    shares = [float(point["accuracy"]) for point in points]
    hover = [
        f"{count(point['train'], 'training picture')}<br>"
        f"{with_span(point['accuracy'], point['interval'])} right"
        for point in points
    ]
    split = "Test" if report.get("measured_on") == "test" else "Validation"
    data = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": "Measured",
            "x": [point["train"] for point in points],
            "y": [round(100 * share, 2) for share in shares],
            "line": {"color": "$validation", "width": 2},
            "marker": {"color": "$validation", "size": 8},
            "error_y": whiskers(shares, [point["interval"] for point in points], "$validation"),
            "customdata": hover,
            "hovertemplate": "%{customdata}<extra></extra>",
        }
    ]
    if report["twice"]:
        data.append(_extrapolation(2 * points[-1]["train"], shares[-1], report["twice"]))
    return {
        "data": data,
        "layout": {
            "showlegend": len(data) > 1,
            "xaxis": {"title": "Training pictures", "rangemode": "tozero"},
            "yaxis": {"title": f"{split} accuracy", "ticksuffix": " %"},
        },
    }


def _extrapolation(pictures: int, accuracy: float, gain: Sequence[float]) -> dict[str, Any]:
    """The mark at so many ``pictures``: ``accuracy`` (0 to 1) plus ``gain``, an interval."""
    low, high = (accuracy + end for end in gain)
    middle = (low + high) / 2
    text = f"{count(pictures, 'training picture')}<br>{with_span(middle, [low, high])}, perhaps"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "If it goes on",
        "x": [pictures],
        "y": [round(100 * middle, 2)],
        "marker": {"color": "$muted", "size": 9, "symbol": "circle-open"},
        "error_y": whiskers([middle], [(low, high)], "$muted"),
        "customdata": [text],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
