"""Run view: a run during and after training: status, live metrics, log, outcome."""

import json
import time
from functools import partial

import streamlit as st

from dashboard.components.train.live_metrics import live_metrics, live_mistakes
from dashboard.components.train.run_outcome import run_outcome
from dashboard.components.widgets.error_message import error_message
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.progress_bar import progress_bar
from dashboard.components.widgets.take_away import take_away
from dashboard.queries import live
from dashboard.state import redraw
from dashboard.state.keys import fold_key
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.wording import count, duration
from dashboard.workers import engine
from ml.errors import BadInputError
from ml.runs.folder import Run
from ml.runs.status import Status
from ml.text import command_line
from ml.text.training_sentences import reason

TICK_SECONDS = 0.7
LOG_SECONDS = 3.0
LIVE = ("running", "queued")
PATIENCE_SECONDS = 10.0
"""After this long without an answer to Stop, ending the worker by force is offered."""


def run_view(run: Run) -> None:
    """Everything about one run. It looks again by itself only while the run is live."""
    status = engine.status(run)
    ticking = status.name in LIVE
    with error_message():
        st.fragment(_live_part, run_every=TICK_SECONDS if ticking else None)(run, status.name)
        if not ticking:
            take_away(current_workspace(), run)
        st.fragment(_expanders, run_every=LOG_SECONDS if ticking else None)(run)


def _live_part(run: Run, known_status: str) -> None:
    with error_message():
        _draw_live_part(run, known_status)


def _draw_live_part(run: Run, known_status: str) -> None:
    state = live.session_live()
    live.follow(run.folder, state)
    status = engine.status(run)
    if status.name != known_status:
        redraw.request()  # the rest of the page speaks of it too, and the ticking may be over
    _header(run, status, state)
    if status.name == "queued":
        ahead = engine.position(current_workspace(), run)
        queue_text = f" {count(ahead, 'run')} before it." if ahead else " It starts next."
        st.html(f'<p class="lens-quiet">Waiting for its turn.{queue_text}</p>')
        if not state["epochs"]:
            return
    live_metrics(state, run, status)
    live_mistakes(run.dataset.get("classes") or [], state)


def _header(run: Run, status: Status, state: live.Live) -> None:
    """The status with its reason, the progress and the buttons that fit the status."""
    with st.container(border=True, key="card-status"):
        if status.name == "running":
            _progress(run, status, state)
        else:
            run_outcome(run, status, state["ended"])


def _progress(run: Run, status: Status, state: live.Live) -> None:
    progress = live.progress_of(run, state)
    started, detail = state["started"], ""
    began = bool(started) and started["time"] >= live.claimed(run)
    stage = live.stage(progress, began, status.stopping)
    if progress and progress["phase"] == "train" and started:
        detail = f"{live.unit_of(state)} {max(1, progress['epoch'])} of {started['epochs']}"
    if status.stopping:
        detail = "the best model is kept, tested and packed"
    seconds_left = stage["seconds_left"]
    remaining = f"about {duration(seconds_left)} left" if seconds_left is not None else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        progress_bar(
            stage["words"], stage["share"], detail, remaining, announced=False
        )  # four times a second
        if not status.stopping:
            if st.button("Stop", key="stop", icon=":material/stop:", help="Keeps the best model."):
                engine.stop(current_workspace(), run)
                st.rerun(scope="fragment")
        elif _seconds_since_stop(run) > PATIENCE_SECONDS and st.button(
            "End it now", key="kill", help="The worker does not answer. Its last epoch is lost."
        ):
            engine.kill(run)


def _seconds_since_stop(run: Run) -> float:
    """Seconds since the run was asked to stop."""
    try:
        return time.time() - (run.folder / "stop").stat().st_mtime
    except OSError:
        return 0.0


def _expanders(run: Run) -> None:
    """Log, configuration and command, read only when opened."""
    lazy_expander("Log", fold_key("log"), partial(_log, run))
    lazy_expander("Settings and command", fold_key("settings"), partial(_settings, run))


def _log(run: Run) -> None:
    with st.container(height=320, border=False, autoscroll=True):
        text = engine.log_tail(run) or "Nothing was written yet."
        st.code(text, language=None, wrap_lines=True)


def _settings(run: Run) -> None:
    try:
        config = run.config
    except BadInputError as error:
        st.html(f"<p>{escape(error)}</p>")
        return
    pictures = sum((run.dataset.get("counts") or {}).values())
    st.html(f'<p class="lens-quiet">{escape(reason(config, pictures))}</p>')
    command = command_line.command_of(current_workspace(), config)
    st.code(command, language="bash", wrap_lines=True)
    st.code(json.dumps(config.to_json(), indent=1), language="json", height=320)
