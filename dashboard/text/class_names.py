"""Class names in Plotly figures: as text, and on an axis."""

from typing import Any

from dashboard.text.markdown import shortened
from ml.evaluation.results import MAX_CONFUSED_CLASSES

MAX_LABEL_LENGTH = 18
"""Longest class name on an axis, in characters; the whole name is in the hover text."""
MAX_NAMED_CLASSES = MAX_CONFUSED_CLASSES + 5
"""With more classes than this, not every one is named on an axis until one zooms."""
SMALL_TYPE = 9
"""Pixels of the type of many names."""


def literal(text: str) -> str:
    """``text`` for Plotly, which reads a few HTML tags in every label: shown as it stands."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def class_axis(names: list[str], max_named: int = MAX_NAMED_CLASSES) -> dict[str, Any]:
    """An axis of class names, shortened. With more than ``MAX_NAMED_CLASSES``, at most
    ``max_named`` are named at a
    time; zooming in names the others."""
    size = 12 if len(names) <= 12 else 10 if len(names) <= 20 else SMALL_TYPE
    shown = [literal(shortened(name, MAX_LABEL_LENGTH)) for name in names]
    axis = {
        "type": "category",
        "tickfont": {"size": size, "color": "$text"},
        "showgrid": False,
        "zeroline": False,
    }
    if len(names) <= MAX_NAMED_CLASSES:
        return axis | {"tickmode": "array", "tickvals": names, "ticktext": shown}
    return axis | {"nticks": max_named, "labelalias": dict(zip(names, shown, strict=True))}
