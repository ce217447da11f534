"""Search view: a search during and after its work: status, charts, trials, outcome."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.charts import tuning as tuning_charts
from dashboard.components.tune.search_outcome import search_outcome
from dashboard.components.tune.trials import trials_table
from dashboard.components.widgets.error_message import error_message
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.metric_tiles import MetricTile, metric_tiles
from dashboard.components.widgets.plot import plot
from dashboard.components.widgets.progress_bar import progress_bar
from dashboard.queries import live
from dashboard.state import redraw
from dashboard.state.keys import fold_key
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.wording import count, duration, percentage
from dashboard.workers import searches
from dashboard.workers.run_status import log_tail
from ml.runs.status import Status
from ml.tuning.sweep import Sweep, SweepState, trial_run

TICK_SECONDS = 1.0
TESTING_SHARE = 0.9
"""After this share of its time a search is testing, if it does not train."""


def search_name(sweep: Sweep) -> None:
    """The name of the search, beside the title of the page."""
    st.html(f'<p class="lens-quiet">{escape(sweep.name)}</p>', width="content")


def search_view(sweep: Sweep) -> None:
    """Everything about one search. It looks again by itself only while the search is live."""
    with error_message():
        status = searches.status(sweep)
        ticking = status.name in searches.LIVE
        st.fragment(_live_part, run_every=TICK_SECONDS if ticking else None)(sweep, status.name)
        lazy_expander("Log", fold_key("tune-log"), partial(_log, sweep))


def _log(sweep: Sweep) -> None:
    with st.container(height=280, border=False):
        st.code(log_tail(sweep) or "Nothing was written yet.", language=None, wrap_lines=True)


def _live_part(sweep: Sweep, known_status: str) -> None:
    with error_message():
        status = searches.status(sweep)
        if status.name != known_status:
            redraw.request()  # the ticking may be over
        request, state = sweep.request, sweep.state
        with st.container(border=True, key="card-tune-status"):
            if status.name in searches.LIVE:
                _progress(sweep, status, request, state)
            else:
                search_outcome(sweep, status, request, state)
        if state.trials:
            _figures(sweep, status, request, state)


def _progress(sweep: Sweep, status: Status, request: dict[str, Any], state: SweepState) -> None:
    done = state.spent / max(1e-6, float(request["seconds"]))
    if request["trials"]:
        done = max(done, len(state.ended) / (request["trials"] + 1))  # the test at the end is one
    words, detail = _current_step(status, request, state, done)
    seconds_left = max(0.0, float(request["seconds"]) - state.spent)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        progress_bar(words, done, detail, f"at most {duration(seconds_left)} left")
        if status.name == "running" and not status.stopping:
            help = "Keeps what was found, and tests the best so far."
            if st.button("Stop", key="tune-stop", icon=":material/stop:", help=help):
                sweep.ask_to_stop()
                st.rerun(scope="fragment")


def _current_step(
    status: Status, request: dict[str, Any], state: SweepState, done: float
) -> tuple[str, str]:
    """What it is at, in a word or two, and the detail."""
    if status.name == "starting":
        return "Starting", "your page may be closed: the search goes on"
    if status.stopping:
        return "Stopping", "the best so far is tested"
    trial = state.trials[-1] if state.trials else None
    if trial is not None and trial.state == "running":
        run = trial_run(current_workspace(), trial)
        progress: dict[str, Any] = live.latest(run) if run else {"words": "Starting", "share": 0.0}
        trial_name = f"trial {trial.number}" if trial.number else "the settings it starts from"
        return (
            "Searching",
            f"{trial_name}: {progress['words'].lower()}, {percentage(progress['share'], digits=0)}",
        )
    limit = request["trials"]
    if trial is not None and (done >= TESTING_SHARE or (limit and len(state.ended) >= limit)):
        return "Testing", "the best and the start, on pictures that the search never saw"
    return "Searching", "choosing what to try next"


def _figures(sweep: Sweep, status: Status, request: dict[str, Any], state: SweepState) -> None:
    trials, axes, best = state.trials, sweep.axes, state.best
    metric_tiles(_tiles(status, request, state), "tune")
    result = sweep.result if status.name not in searches.LIVE else None
    shares = (result or {}).get("importances") or {}
    left, right = st.columns(2) if shares else (st.container(), None)
    with left.container(border=True, key="card-tune-progress"):
        title = _best_title(state)
        st.html(f'<h3 class="lens-card-title">{escape(title)}</h3>')
        plot(tuning_charts.progress(trials), "tune-progress", alt=title, announce=title)
    if right:
        with right.container(border=True, key="card-tune-importance"):
            most_important = tuning_charts.setting_label(max(shares, key=lambda name: shares[name]))
            title = f"{most_important} mattered most in {len(state.ended)} trials"
            st.html(f'<h3 class="lens-card-title">{escape(title)}</h3>')
            plot(tuning_charts.importances(shares), "tune-importance", alt=title)
    if best is not None:
        with st.container(border=True, key="card-tune-parallel"):
            title = "Which settings made good trials"
            st.html(f'<h3 class="lens-card-title">{title}</h3>')
            figure = tuning_charts.parallel(axes, trials, best.number)
            plot(figure, "tune-parallel", height=360, alt=f"{title}: one line a trial.")
    with st.container(border=True, key="card-tune-trials"):
        st.html('<h3 class="lens-card-title">Trials</h3>')
        trials_table(axes, trials, alive=status.name in searches.LIVE)


def _best_title(state: SweepState) -> str:
    best = state.best
    if best is None:
        return "Nothing measured yet"
    if best.number == 0:
        return (
            f"Best so far: the start, {percentage(best.accuracy, digits=1)} on validation pictures"
        )
    accuracy = percentage(best.accuracy, digits=1)
    return f"Best so far: trial {best.number}, {accuracy} on validation pictures"


def _tiles(status: Status, request: dict[str, Any], state: SweepState) -> list[MetricTile]:
    best, start = state.best, state.trials[0]
    ended, pruned = state.ended, sum(trial.state == "pruned" for trial in state.ended)
    limit = f"of at most {request['trials']}" if request["trials"] else ""
    steps = [value for _, value in tuning_charts.best_so_far(state.trials)]
    complete_trials = [
        trial.seconds for trial in ended if trial.state == "done" and trial.seconds > 0
    ]
    return [
        MetricTile(
            "Best on validation",
            percentage(best.accuracy if best else None, digits=1),
            f"the start gets {percentage(start.accuracy, digits=1)}"
            if start.accuracy is not None
            else "",
            help="The search chooses by these pictures, so the best looks a little better on them "
            "than it is. At the end it is told on pictures that the search never saw.",
            spark=steps,
            colour="validation",
        ),
        MetricTile(
            "Trials",
            str(len(ended)),
            f"{count(pruned, 'trial')} ended early" if pruned else limit or "the start included",
            help="A trial that is clearly behind half of the others is ended early.",
        ),
        MetricTile(
            "Time a trial",
            duration(sum(complete_trials) / len(complete_trials)) if complete_trials else "–",
            "mean of whole trials" if complete_trials else "after the first trial",
        ),
        MetricTile(
            "Time spent",
            duration(state.spent),
            f"of {duration(float(request['seconds']))}",
        ),
    ]
