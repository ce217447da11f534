"""Chosen runs beside one another: curves in one chart, and a table of what differs."""

from typing import Any

import streamlit as st

from dashboard.components.evaluate.disagreement import disagreement
from dashboard.components.widgets.plot import plot
from dashboard.queries.run_comparison import (
    FIGURES,
    METRICS,
    curve,
    differences,
    overlay,
    same_pictures,
)
from dashboard.text.markdown import plain, shortened, with_span
from dashboard.text.wording import count
from ml.runs.folder import Run

MOST = 8
"""As many as there are colours that tell curves apart."""


@st.fragment
def compare(chosen: list[tuple[Run, str]]) -> None:
    """Draw the comparison of runs, each with its title."""
    shown = chosen[:MOST]
    runs = [run for run, _ in shown]
    with st.container(border=True, key="card-compare"):
        st.markdown(f"#### {count(len(shown), 'run')} beside one another")
        if len(chosen) > MOST:
            st.caption(f"The first {MOST} of {len(chosen)} chosen.")
        label = st.segmented_control(
            "Curve",
            list(METRICS.values()),
            default=METRICS["val_accuracy"],
            required=True,
            key="compare-metric",
            label_visibility="collapsed",
        )
        metric = next(key for key, name in METRICS.items() if name == label)
        curves = [curve(run, title, metric) for run, title in shown]
        plot(
            overlay(curves, metric),
            key="compare-curves",
            height=320,
            alt=f"{METRICS[metric]} by epoch of {count(len(shown), 'run')}.",
        )
        if not same_pictures(runs):
            st.caption("They were tested on different pictures: their scores do not compare.")
        elif len(shown) == 2:
            disagreement(*shown)
        st.table(_table(shown))


def _table(shown: list[tuple[Run, str]]) -> dict[str, list[str]]:
    """Scores with intervals, then the settings that differ: a column a run."""
    configs = {run.id: run.config for run, _ in shown}
    changed = differences(configs)
    rows = [*FIGURES.values(), *(label for label, _ in changed)]
    table: dict[str, list[str]] = {"": [plain(row) for row in rows]}
    for place, (run, title) in enumerate(shown, 1):
        report = run.report or {}
        intervals = report.get("intervals") or {}
        scores = [with_span(report.get(name), intervals.get(name)) for name in FIGURES]
        settings = [_value(values[run.id]) for _, values in changed]
        heading = plain(shortened(title, 40))
        heading = heading if heading not in table else f"{heading} ({place})"
        table[heading] = [plain(cell) for cell in (*scores, *settings)]
    return table


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
