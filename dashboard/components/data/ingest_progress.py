"""Ingest progress: the bar of a running ingest, a cancel button, and the result.

One child process at a time works for a tab; further jobs wait in a queue. A page calls
``settle_ingest`` first, which records the jobs that have ended, and ``ingest_progress`` where the
progress is to be drawn.
"""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.components.data.ingest_result import ingest_results
from dashboard.components.widgets.progress_bar import job_bar
from dashboard.state import redraw, selection
from dashboard.state.messages import WANTED_DATASET
from dashboard.state.navigation import DATA
from dashboard.state.page_states import DataState, IngestState
from dashboard.state.shown_page import on_page
from dashboard.state.stored import stored
from dashboard.state.workspace import current_workspace
from dashboard.text.wording import count
from dashboard.workers.job import Job
from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.utils.paths import absolute_path, shortened

TICK_SECONDS = 0.5


def start_ingest(source: Path | str, follow_up: dict[str, Any] | None = None) -> bool:
    """Bring the folder ``source`` in; whether it could be queued. ``follow_up`` may hold the data
    set to bring it ``into``, a configuration to ``train`` afterwards, or say that a page waits for
    the pictures to ``tune`` on them."""
    follow_up = follow_up or {}
    try:
        path = absolute_path(source)
    except BadInputError as error:
        report_ingest_error(str(error))
        return False
    if not path.exists():
        report_ingest_error(f"There is no folder or file {shortened(path)}. Check the path.")
        return False
    into = [f"--into={follow_up['into']}"] if follow_up.get("into") else []
    queue_ingest(Job(["ingest", str(path), *into], f"Reading {path.name}", follow_up))
    return True


def queue_ingest(job: Job) -> None:
    """Start ``job`` now, or after the jobs that are queued already."""
    state = stored(IngestState)
    if not ingest_under_way():
        state.results = []
    state.waiting.append(job)
    _start_next()


def report_ingest_error(sentence: str) -> None:
    """Add an error to the results that ``ingest_progress`` draws."""
    stored(IngestState).results.append({"error": sentence})


def ingest_under_way() -> bool:
    """Whether pictures are being brought in for this tab."""
    state = stored(IngestState)
    return state.job is not None or bool(state.waiting)


def settle_ingest() -> dict[str, Any] | None:
    """Record an ingest that has ended and start the next.

    Returns the ``follow_up`` of one that succeeded, whose data set is then the selected one; else
    None.
    """
    state = stored(IngestState)
    job = state.job
    if job is None or job.running:
        return None
    state.job = None
    follow_up = _ended(job)
    _start_next()
    return follow_up


def ingest_progress() -> None:
    """Draw the progress of the running job and the results of those that have ended."""
    with st.container():  # always there, so that nothing below moves to a new place
        state = stored(IngestState)
        if state.job is not None:
            st.fragment(_progress, run_every=TICK_SECONDS)(state.job)
        if ingest_results(state.results):
            state.results = []
            st.rerun()


def _start_next() -> None:
    state = stored(IngestState)
    while state.waiting and state.job is None:
        job = state.waiting.pop(0)
        try:
            state.job = job.start(current_workspace())
        except OSError as error:
            report_ingest_error(f"{job.title} could not be started: {error.strerror or error}.")


def _progress(job: Job) -> None:
    if not job.running:
        redraw.request()
    with st.container(border=True, key="card-ingest", horizontal=True, vertical_alignment="center"):
        state = stored(IngestState)
        waiting = len(state.waiting)
        if job_bar(job, "cancel-ingest", f"{count(waiting, 'more')} waiting" if waiting else ""):
            state.job = None
            state.results = [{"cancelled": job.title}]
            st.rerun()


def _ended(job: Job) -> dict[str, Any] | None:
    """Record the result of a job: its new data set is selected, or its error is shown."""
    try:
        result = job.result()
    except BadInputError as error:
        report_ingest_error(str(error))
        return None
    if not job.follow_up.get(
        "into"
    ):  # a new set; whoever adds to one may look at another meanwhile
        WANTED_DATASET.send(result["name"])
        if on_page(DATA):
            stored(DataState).new_set = False
            selection.choose_data(result["name"])
    if not job.follow_up.keys() & {"train", "tune"}:
        result |= {"into": job.follow_up.get("into", "")}
        stored(IngestState).results.append(result)
    return job.follow_up


def wanted_training(follow_up: dict[str, Any] | None) -> TrainConfig | None:
    """The configuration that was to be trained once the pictures are there."""
    return TrainConfig.from_json(follow_up["train"]) if follow_up and "train" in follow_up else None
