"""Names of classes in Plotly figures: as text, and on an axis."""

from typing import Any

from dashboard.text.markdown import shortened
from ml.evaluation.results import MAX_CONFUSED_CLASSES

LABEL = 18
"""Longest class name on an axis, in characters; the whole name is in the hover text."""
NAMED = MAX_CONFUSED_CLASSES + 5
"""With more classes than this, not every one is named on an axis until one zooms."""
SMALL = 9
"""Pixels of the type of many names."""


def literal(text: str) -> str:
    """``text`` for Plotly, which reads a few HTML tags in every label: shown as it stands."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
