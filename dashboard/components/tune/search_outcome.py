"""Search outcome: the result of a search, or its plan, and what to do next."""

from typing import Any, Literal

import streamlit as st

from dashboard.charts import tuning as tuning_charts
from dashboard.components.train.run_outcome import result_sentence
from dashboard.queries.results import report_of
from dashboard.state import deep_links
from dashboard.state.navigation import EVALUATE
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.wording import count, duration
from dashboard.workers import searches
from ml.models import catalog as model_catalog
from ml.runs.folder import Run
from ml.runs.status import Status
from ml.tuning.comparison import is_better
from ml.tuning.sweep import Sweep, SweepState

WORDS = {
    "queued": "Not started",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Failed",
    "interrupted": "Interrupted",
}


def search_outcome(
    sweep: Sweep, status: Status, request: dict[str, Any], state: SweepState
) -> None:
    """The sentence with its interval, what the winner changed, and the buttons that lead on."""
    result = sweep.result or {}
    duration_text = (
        f"{count(len(state.ended), 'trial')} in {duration(state.spent)}" if state.ended else ""
    )
    sentence, reason = str(result.get("sentence", "")), status.reason
    winner = _run(result.get("run"))
    tested = result_sentence(report_of(winner)) if winner else ""
    lines = _about(result, state) if result else [plan(sweep, request)]
    st.html(
        f'<div class="lens-outcome"><div><span class="lens-status lens-{escape(status.name)}">'
        f"{escape(WORDS.get(status.name, status.name))}</span><span>{duration_text}</span></div>"
        + (f'<p class="lens-result">{escape(sentence)}</p>' if sentence else "")
        + (f'<p class="lens-reason">{escape(reason)}</p>' if reason else "")
        + "".join(f'<p class="lens-quiet">{escape(line)}</p>' for line in lines)
        + (f'<p class="lens-quiet">{escape(tested)}</p>' if winner else "")
        + "</div>"
    )
    with st.container(horizontal=True):
        _buttons(sweep, status, result, winner)


def plan(sweep: Sweep, request: dict[str, Any]) -> str:
    """What the search does, for as long as it has found nothing."""
    names = [tuning_charts.setting_label(axis.name).lower() for axis in sweep.axes]
    model = sweep.base.model  # one's own may be gone
    label = model_catalog.get(model).label if model in model_catalog.names() else model
    limit = f", {count(request['trials'], 'trial')} at most" if request["trials"] else ""
    return (
        f"Trains {label} with other values of {', '.join(names)}, for at most "
        f"{duration(float(request['seconds']))}{limit}."
    )


def _about(result: dict[str, Any], state: SweepState) -> list[str]:
    """What the winner has that the start has not."""
    number = result.get("best")
    winner = next((trial for trial in state.trials if trial.number == number), None)
    if not winner or not number:
        return []
    before = state.trials[0].values
    changed = [
        f"{tuning_charts.setting_label(name).lower()} {tuning_charts.value_text(value)} instead of "
        f"{tuning_charts.value_text(before[name])}"
        for name, value in winner.values.items()
        if value != before.get(name)
    ]
    return [f"Trial {number} has {', '.join(changed)}."] if changed else []


def _buttons(sweep: Sweep, status: Status, result: dict[str, Any], winner: Run | None) -> None:
    workspace, can_resume = current_workspace(), status.name != "finished"
    broken = status.name in ("interrupted", "failed")
    best, base = bool(result.get("best")), _run(result.get("base"))
    better = best and is_better(result.get("test"))

    def run_button(label: str, key: str, run: Run, primary: bool) -> None:
        if st.button(label, key=key, type="primary" if primary and not broken else "secondary"):
            deep_links.go_to(EVALUATE, run=run.id)

    if winner and best:
        label = "Open the better run" if better else "Open the best on validation"
        run_button(label, "tune-winner", winner, better)
    if base and result:
        run_button("Open the run it started from", "tune-base", base, not better)
    if can_resume:
        text = "Start" if status.name == "queued" else "Resume"
        help = "Goes on with the trial that it was at. No trial is lost."
        kind: Literal["primary", "secondary"] = "primary" if broken or not winner else "secondary"
        if st.button(text, key="tune-resume", type=kind, help=help):
            searches.start(workspace, sweep)
            st.rerun()


def _run(identifier: Any) -> Run | None:
    """The run of that id, where it is there."""
    run = Run(current_workspace().runs / str(identifier or "-"))
    return run if (run.folder / "config.json").is_file() else None
