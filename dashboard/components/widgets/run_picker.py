"""Run picker: selects the run that a page shows, which its address names."""

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard.state import selection
from dashboard.state.widget_key import WidgetKey
from dashboard.state.workspace import current_workspace
from dashboard.text.wording import percentage, unique
from ml.runs.folder import Run, list_runs


def run_picker(
    label: str = "Run", *, key: WidgetKey[str], only: Callable[[Run], bool] | None = None
) -> Run | None:
    """Let the user choose among the runs that ``only`` accepts, the newest first.

    The chosen run is the one in hand on every page, and in the address. Returns None, and draws
    nothing, where there is no such run.
    """
    runs = reversed(list_runs(current_workspace()))
    by_id = {run.id: run for run in runs if only is None or only(run)}
    if not by_id:
        return None
    current = selection.current_run()
    chosen_id = current.id if current and current.id in by_id else next(iter(by_id))
    # Set in every run: the browser answers with the words it was shown, and those may have changed.
    key.set(chosen_id)
    labels = unique({identifier: run_label(run) for identifier, run in by_id.items()})
    st.selectbox(
        label,
        list(by_id),
        format_func=lambda identifier: labels.get(identifier, identifier),
        key=key,
        label_visibility="collapsed",
        on_change=partial(_run_chosen, key, frozenset(by_id)),
    )
    return by_id[chosen_id]


def run_label(run: Run) -> str:
    """A run in one line that stays the same while one looks: title, score, when it was made."""
    accuracy = (run.report or {}).get("accuracy")
    score = f" · {percentage(accuracy, digits=1)}" if accuracy is not None else ""
    when = time.strftime("%d %b, %H:%M", time.localtime(float(run.meta.get("created") or 0.0)))
    return f"{run.name}{score} · {when}"


def _run_chosen(key: WidgetKey[str], known: frozenset[str]) -> None:
    chosen = key.value("")
    if chosen in known:
        selection.choose_run(chosen)
