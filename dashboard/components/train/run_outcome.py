"""Run outcome: the result of a run, or why it ended, and what to do next."""

from typing import Any

import streamlit as st

from dashboard.queries.results import report_of
from dashboard.state import deep_links, selection
from dashboard.state.navigation import CLASSIFY, EVALUATE, TRAIN, TUNE
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.markdown import with_span
from dashboard.text.wording import STATUS_WORDS, count, duration, size
from dashboard.workers import engine, searches
from ml.runs.folder import Run
from ml.runs.status import Status
from ml.training.cost import history as cost_history
from ml.tuning.new_search import DEFAULT_MINUTES, search_from_run


def run_outcome(run: Run, status: Status, ended: dict[str, Any] | None) -> None:
    """The status, what came of the run, and the buttons that lead on."""
    sentence = result_sentence(report_of(run))
    duration_text = (
        f"in {duration(ended['seconds'])}" if ended and status.name == "finished" else ""
    )
    reason = f'<p class="lens-reason">{escape(status.reason)}</p>' if status.reason else ""
    result = f'<p class="lens-result">{escape(sentence)}</p>' if sentence else ""
    duration_text += cost_comparison(run) if duration_text else ""
    st.html(
        f'<div class="lens-outcome"><div><span class="lens-status lens-{escape(status.name)}">'
        f"{STATUS_WORDS[status.name]}</span><span>{duration_text}</span></div>{result}{reason}</div>"
    )
    with st.container(horizontal=True):
        _buttons(run, status)


def cost_comparison(run: Run) -> str:
    """What was expected of the run beside what it took; empty where that was not kept.

    The memory is the most that it held at once.
    """
    content = cost_history.read(run) or {}
    expected, actual = content.get("expected"), content.get("actual")
    if not expected or not actual:
        return ""
    return (
        f" (expected {duration(expected['seconds'])}), with {size(actual['memory'])} of memory "
        f"(expected {size(expected['memory'])})"
    )


def result_sentence(report: dict[str, Any] | None) -> str:
    """The result with its interval and its baseline; empty without a report.

    >>> result_sentence({"accuracy": 0.88, "pictures": 90, "intervals": {"accuracy": [0.83, 0.92]},
    ...                  "majority": {"accuracy": 0.17}})
    'Accuracy 88 % (83 to 92) on 90 test pictures. Guessing the biggest class gets 17 %.'
    """
    if not report or report.get("accuracy") is None:
        return ""
    figure = with_span(report["accuracy"], (report.get("intervals") or {}).get("accuracy"))
    sentence = f"Accuracy {figure} on {count(int(report.get('pictures') or 0), 'test picture')}."
    majority = (report.get("majority") or {}).get("accuracy")
    if majority is not None:
        sentence += f" Guessing the biggest class gets {with_span(majority, None)}."
    return sentence


def _buttons(run: Run, status: Status) -> None:
    """At most one of them is primary: the sensible next step."""
    workspace, usable, name = current_workspace(), run.model is not None, status.name
    if name == "queued":
        if st.button("Take it out of the queue", key="cancel"):
            engine.stop(workspace, run)
            selection.choose_run(None)
            st.rerun()
        return
    was_started = (run.folder / "worker.json").exists()
    resumable = was_started and name in ("stopped", "interrupted", "failed")
    primary_key = "retry" if name == "failed" or not was_started else "resume"
    untested = untested_trial(run)
    if usable and name in ("finished", "stopped"):
        primary_key = "to-evaluate"
    elif untested:
        primary_key = "resume"

    def button(label: str, key: str, help: str | None = None) -> bool:
        return st.button(
            label, key=key, help=help, type="primary" if key == primary_key else "secondary"
        )

    if usable:
        if button("Look at its mistakes", "to-evaluate"):
            deep_links.go_to(EVALUATE, run=run.id)
        if button("Try it on a picture", "to-classify"):
            deep_links.go_to(CLASSIFY, run=run.id)
    if untested and name == "finished":
        if button("Test it", "resume", "Tests and packs the model that it has."):
            engine.resume(workspace, run)
            st.rerun()
    elif resumable and button("Resume", "resume", "Goes on from its last good state."):
        engine.resume(workspace, run)
        st.rerun()
    if untested and button("See its search", "to-search"):
        deep_links.go_to(TUNE, sweep=str(run.meta["sweep"]))
    if usable and name == "finished":
        _make_better(run)
    if name == "finished" and run.settings.regression:
        return  # the best head is found: more of the same brings nothing
    if name == "finished" and not untested:
        planned = run.epochs
        more = max(1, planned // 2)
        if button(f"Train {count(more, 'more epoch')}", "more"):
            engine.resume(workspace, run, epochs=planned + more)
            st.rerun()
    elif not untested and button("Retry with the same settings", "retry"):
        deep_links.go_to(TRAIN, run=engine.retry(workspace, run).id)


def untested_trial(run: Run) -> bool:
    """Whether it is a trial of a search that is there still, and was not tested."""
    sweep = run.meta.get("sweep")
    if not sweep or run.model is not None:
        return False
    return (current_workspace().sweeps / str(sweep) / "sweep.json").is_file()


def _make_better(run: Run) -> None:
    """One button: a search from this run, with everything at its default."""
    label = f"Make it better in {DEFAULT_MINUTES:g} minutes"
    help = "Tries other settings on the same pictures, and says honestly whether that helped."
    if st.button(label, key="make-better", icon=":material/tune:", help=help):
        sweep = search_from_run(current_workspace(), run)
        searches.start(current_workspace(), sweep)
        deep_links.go_to(TUNE, sweep=sweep.id)
