"""Robustness chart: accuracy by corruption and strength, as a Plotly figure. Pure."""

from collections.abc import Sequence
from typing import Any

from dashboard.text.class_names import literal
from dashboard.text.markdown import percentage

COLOURS = ("$cat0", "$cat1")


def corruptions(reports: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Accuracy under each kind of corruption, mean of five strengths, as bars; one or two runs.

    A dashed line in a run's colour is its accuracy on the pictures as they are.
    """
    kinds = [str(row["label"]) for row in reports[0]["kinds"]]
    data, lines = [], []
    for report, name, colour in zip(reports, names, COLOURS, strict=False):
        rows = report["kinds"]
        hover = [
            f"<b>{literal(row['label'])}</b> {percentage(row['mean'])}<br>from weak to strong: "
            + ", ".join(percentage(value) for value in row["accuracy"])
            for row in rows
        ]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "y": kinds,
                "x": [round(100 * row["mean"], 1) for row in rows],
                "marker": {"color": colour},
                "customdata": hover,
                "hovertemplate": "%{customdata}<extra></extra>",
            }
        )
        clean = round(100 * report["clean"], 1)
        line = {"color": colour, "width": 1.5, "dash": "dash"}
        lines.append({"type": "line", "x0": clean, "x1": clean, "y0": 0, "y1": 1} | {"line": line})
    return {
        "data": data,
        "layout": {
            "barmode": "group",
            "bargap": 0.35,
            "showlegend": len(data) > 1,
            "shapes": [line | {"yref": "paper"} for line in lines],
            "xaxis": {"range": [0, 103], "ticksuffix": " %"},
            "yaxis": {"autorange": "reversed", "automargin": True},
        },
    }
