"""Choosing a run: the object in hand, at the top of a page and in its address."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from dashboard import engine, session
from dashboard.words import STATUS_WORDS, ago, percent
from ml.errors import BadInputError
from ml.runs import Run, list_runs


def run_picker(
    label: str = "Run", *, key: str, only: Callable[[Run], bool] | None = None
) -> Run | None:
    """Let the user choose among the runs that ``only`` accepts, the newest first.

    The chosen run is the one in hand on every page, and in the address. Returns None, and draws
    nothing, where there is no such run.
    """
    fitting = [run for run in reversed(list_runs(session.workspace())) if only is None or only(run)]
    if not fitting:
        return None
    by_id = {run.id: run for run in fitting}
    current = session.current_run()
    wanted = current.id if current and current.id in by_id else fitting[0].id
    if st.session_state.get(key) != wanted:
        st.session_state[key] = wanted
    st.selectbox(
        label,
        list(by_id),
        format_func=lambda identifier: run_label(by_id[identifier]),
        key=key,
        label_visibility="collapsed",
        on_change=partial(_chosen, key),
    )
    return by_id[wanted]


def run_title(run: Run) -> str:
    """The name that was given, else the data set and the model."""
    try:
        config = run.config
        about = f"{config.dataset} · {config.model}"
    except BadInputError:
        about = run.id
    return str(run.meta.get("name") or about)


def run_label(run: Run) -> str:
    """A run in one line: title; score or status; when."""
    accuracy = (run.report or {}).get("accuracy")
    score = percent(accuracy) if accuracy is not None else STATUS_WORDS[engine.status(run).name]
    return f"{run_title(run)} · {score} · {ago(float(run.meta.get('created') or 0.0))}"


def _chosen(key: str) -> None:
    session.choose_run(st.session_state[key])
