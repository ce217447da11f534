"""Metric tiles: a row of figures, each with label, value, note and sparkline."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import streamlit as st

from dashboard.text.html import escape

SPARK_POINTS = 60


@dataclass(frozen=True)
class MetricTile:
    """``note`` stands under the value: an interval, a baseline, the best so far. ``tone`` is that
    of the note: good, bad, warn or empty. ``spark`` is a series of values, drawn small;
    ``colour`` that of the series: train, validation or accent."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    help: str = ""
    spark: Sequence[float] = field(default_factory=tuple)
    colour: str = "accent"


def metric_tiles(items: Sequence[MetricTile], key: str) -> None:
    """Draw ``items`` in a row that wraps; two in a row on a phone."""
    st.html(f'<div class="lens-tiles" data-key="{escape(key)}">{"".join(map(_tile, items))}</div>')


def _tile(item: MetricTile) -> str:
    about = f' title="{escape(item.help)}"' if item.help else ""
    return (
        f'<div class="lens-tile"{about}><span class="lens-label">{escape(item.label)}</span>'
        f'<span class="lens-value">{escape(item.value)}</span>'
        f'<span class="lens-note lens-{escape(item.tone or "plain")}">{escape(item.note)}</span>'
        f"{_spark(item.spark, item.colour)}</div>"
    )


def _spark(values: Sequence[float], colour: str) -> str:
    """The series as a line of 100 by 24 units; empty for fewer than two values.

    The line is a mask over a coloured box: its colour follows the theme.
    """
    if len(values) < 2:
        return ""
    step = max(1, len(values) // SPARK_POINTS)
    sampled = [*values[::step], values[-1]]
    low, high = min(sampled), max(sampled)
    span = (high - low) or 1.0
    points = " ".join(
        f"{100 * place / (len(sampled) - 1):.1f},{22 - 20 * (value - low) / span:.1f}"
        for place, value in enumerate(sampled)
    )
    line = quote(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 24' preserveAspectRatio='none'>"
        f"<polyline points='{points}' fill='none' stroke='#000' stroke-width='1.6' "
        "vector-effect='non-scaling-stroke' stroke-linejoin='round'/></svg>"
    )
    return (
        f'<span class="lens-spark lens-{escape(colour)}" aria-hidden="true" '
        f"style=\"mask-image:url('data:image/svg+xml,{line}')\"></span>"
    )
