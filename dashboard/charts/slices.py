"""Slices chart: accuracy of groups of pictures with intervals, as a Plotly figure. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.charts.evaluation import whiskers
from dashboard.text.class_names import class_axis, literal
from dashboard.text.markdown import percentage, shortened, span, with_span
from dashboard.text.wording import count
from ml.evaluation.slice_discovery import by_chance

MAX_BARS = 12
"""So many slices are drawn, the least likely by chance; the table has them all."""
MAX_LABEL_LENGTH = 18
HEADING = ("Group", "Pictures", "Right", "95 % interval", "The rest", "So bad by chance alone")


def slices(measured: Mapping[str, Any]) -> dict[str, Any]:
    """The share that is right in each slice, beside that of all pictures.

    ``measured`` is what ``ml.evaluation.slice_discovery.measure`` returns. A slice that does
    clearly worse is coloured.
    """
    shown = list(measured["slices"])[:MAX_BARS]
    names = [slice_name(one) for one in shown]
    ticks = [
        f"{literal(one['kind'])}<br>{literal(shortened(str(one['name']), MAX_LABEL_LENGTH))}"
        for one in shown
    ]
    all_pictures = {
        "type": "line",
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "x0": 100 * measured["accuracy"],
        "x1": 100 * measured["accuracy"],
        "line": {"color": "$muted", "width": 1.5, "dash": "dash"},
    }
    return {
        "data": [_bars(shown, names)],
        "layout": {
            "bargap": 0.4,
            "xaxis": {"range": [0, 103], "ticksuffix": " %", "title": ""},
            "yaxis": {
                **class_axis(names),
                "ticktext": ticks,
                "categoryorder": "array",
                "categoryarray": names,
                "range": [len(names) - 0.5, -0.5],
            },
            "shapes": [all_pictures],
        },
        "table": [list(HEADING), *(table_row(one) for one in measured["slices"])],
    }


def _bars(shown: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """A bar a slice with its 95 % interval, in the order of ``shown``."""
    shares = [one["accuracy"] for one in shown]
    hover = [
        f"<b>{literal(name)}</b><br>{with_span(one['accuracy'], one['interval'])} right of "
        f"{count(one['pictures'], 'picture')}, of the rest {percentage(one['rest'])}<br>by chance "
        f"{by_chance(one['adjusted'])}"
        for name, one in zip(names, shown, strict=True)
    ]
    return {
        "type": "bar",
        "orientation": "h",
        "name": "Right",
        "x": [round(100 * share, 2) for share in shares],
        "y": names,
        "marker": {"color": ["$bad" if one["worse"] else "$seq4" for one in shown]},
        "error_x": whiskers(shares, [one["interval"] for one in shown], "$text"),
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def slice_name(one: Mapping[str, Any]) -> str:
    """The unique name of a slice: its kind, its name and, where needed, a word more."""
    return f"{one['kind']}: {one['name']}{' (' + one['word'] + ')' if one['word'] else ''}"


def table_row(one: Mapping[str, Any]) -> Sequence[str]:
    """A slice as a row of the table."""
    return [
        slice_name(one),
        f"{one['pictures']:,}",
        percentage(one["accuracy"]),
        f"{span(one['interval'])} %",
        percentage(one["rest"]),
        by_chance(one["adjusted"]),
    ]
