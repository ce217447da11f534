"""Recent runs: the last runs with status and score, each a link."""

from pathlib import Path

import streamlit as st

from dashboard.components.train.run_outcome import result_sentence
from dashboard.queries.results import report_of
from dashboard.state import deep_links
from dashboard.state.navigation import EVALUATE, RUNS, TRAIN
from dashboard.text.html import escape
from dashboard.text.markdown import plain, with_span
from dashboard.text.wording import STATUS_WORDS, ago
from dashboard.workers import engine
from ml.runs.folder import Run, list_runs
from ml.workspace import Workspace

MAX_RUNS = 5


def recent_runs(workspace: Workspace) -> None:
    """Nothing where there are no runs."""
    runs = list_runs(workspace)
    if not runs:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Recent runs", anchor=False, width="stretch")
        if len(runs) > MAX_RUNS and st.button("All runs", type="tertiary", key="all-runs"):
            deep_links.go_to(RUNS)
    with st.container(border=True, key="card-recent", gap=None):
        for run in reversed(runs[-MAX_RUNS:]):
            _row(run)


def _row(run: Run) -> None:
    status = engine.status(run)
    report = report_of(run) or {}
    interval = (report.get("intervals") or {}).get("accuracy")
    score = with_span(report["accuracy"], interval) if report.get("accuracy") is not None else ""
    when = ago(float(run.meta.get("created") or Path(run.folder).stat().st_mtime))
    with st.container(
        horizontal=True, vertical_alignment="center", key=f"row-{run.id}", gap="small"
    ):
        if st.button(plain(run.name), key=f"open-{run.id}", type="tertiary"):
            deep_links.go_to(EVALUATE if run.model is not None else TRAIN, run=run.id)
        st.html(
            f'<div class="lens-row"><span class="lens-score" '
            f'title="{escape(result_sentence(report))}">{escape(score)}</span>'
            f'<span class="lens-status lens-{escape(status.name)}">{STATUS_WORDS[status.name]}'
            f"</span><small>{escape(when)}</small></div>"
        )
