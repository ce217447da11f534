"""Run comparison: validation curves in one chart, and a table of metrics and differing settings."""

import streamlit as st

from dashboard.components.evaluate.disagreement import disagreement
from dashboard.components.widgets.plot import plot
from dashboard.queries.run_comparison import (
    comparison_table,
    curve,
    overlay,
    same_pictures,
)
from dashboard.text.wording import count
from ml.metrics.live import live_metrics, tile_order
from ml.runs.folder import Run

MAX_COMPARED_RUNS = 8
"""As many as there are distinct colours for curves."""


@st.fragment
def run_comparison(chosen: list[tuple[Run, str]]) -> None:
    """Draw the comparison of runs, each with its title."""
    shown = chosen[:MAX_COMPARED_RUNS]
    runs = [run for run, _ in shown]
    with st.container(border=True, key="card-compare"):
        st.markdown(f"#### {count(len(shown), 'run')} beside one another")
        if len(chosen) > MAX_COMPARED_RUNS:
            st.caption(f"The first {MAX_COMPARED_RUNS} of {len(chosen)} chosen.")
        names = {one.validation_label: one.name for one in tile_order(live_metrics())}
        label = st.segmented_control(
            "Curve",
            list(names),
            default=next(iter(names)),
            required=True,
            key="compare-metric",
            label_visibility="collapsed",
        )
        metric = names[str(label)]
        curves = [curve(run, title, metric) for run, title in shown]
        plot(
            overlay(curves, metric),
            key="compare-curves",
            height=320,
            alt=f"{label} by epoch of {count(len(shown), 'run')}.",
        )
        if not same_pictures(runs):
            st.caption("They were tested on different pictures: their scores do not compare.")
        elif len(shown) == 2:
            disagreement(*shown)
        st.table(comparison_table(shown))
