"""Run state: what a run is doing, as far as a page depends on it, and which page to open."""

import streamlit as st

from dashboard.components.train.run_outcome import untested_trial
from dashboard.state import deep_links
from dashboard.state.navigation import TRAIN
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import STATUS_WORDS
from dashboard.workers import engine
from ml.runs.folder import Run

NOT_YET = {
    "queued": ("This run waits for its turn", "Its figures are here when it has been trained."),
    "running": ("This run is still training", "Its figures are here when it is done."),
    "stopped": ("This run was stopped early", "It was stopped before there was a model to test."),
    "failed": ("This run failed", "It left no model to test."),
    "interrupted": ("This run was interrupted", "It left no model to test. Resume it to go on."),
    "finished": ("This run has no results", "Its report is missing. Train it again."),
}
TRIAL = (
    "This trial was not tested",
    "A search tests only its best trial and the one that it started from.",
)


def status_pill(name: str, text: str = "") -> str:
    """The status as a small piece of HTML."""
    words = escape(text or STATUS_WORDS.get(name, name.capitalize()))
    return f'<span class="lens-status lens-{escape(name)}">{words}</span>'


def no_report(run: Run) -> None:
    """Say why there is nothing to see of ``run`` yet, with one button to where it goes on."""
    status = engine.status(run)
    title, text = NOT_YET.get(status.name, NOT_YET["failed"])
    live, untested = status.name in ("queued", "running"), untested_trial(run)
    if untested and not live:
        title, text = TRIAL
    with st.container(border=True, key="card-no-report", horizontal_alignment="center"):
        st.html(
            f'<div class="lens-empty"><h3>{escape(title)}</h3>'
            f"<p>{escape(f'{status.reason} {text}' if untested else status.reason or text)}</p>"
            "</div>"
        )
        if untested and status.name in ("finished", "stopped"):
            done = status.name == "finished"
            if st.button("Test it" if done else "Train it to its end", type="primary", key="test"):
                engine.resume(current_workspace(), run)
                deep_links.go_to(TRAIN, run=run.id)
        elif st.button("Watch it" if live else "Resume or retry", type="primary", key="no-report"):
            deep_links.go_to(TRAIN, run=run.id)


def run_state(run: Run) -> None:
    """A line over the figures of a run that did not end as planned, or that goes on."""
    status = engine.status(run)
    if status.name in ("running", "queued"):
        st.info(
            "Training goes on; these figures are those of the model before.",
            icon=":material/model_training:",
        )
    elif status.name in ("failed", "interrupted", "stopped"):
        words = STATUS_WORDS[status.name].lower()
        st.info(
            f"This run ended early ({words}); the figures are those of its best model. "
            f"{plain(status.reason)}",
            icon=":material/info:",
        )
