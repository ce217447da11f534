"""Measurement panel: a button that measures something about a run, and its progress."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.components.widgets.progress_bar import job_bar
from dashboard.state import redraw
from dashboard.text.markdown import plain
from dashboard.workers.job import Job
from ml.errors import BadInputError
from ml.runs.folder import Run
from ml.workspace import Workspace

TICK_SECONDS = 0.7


@st.cache_resource(show_spinner=False)
def _jobs(root: Path) -> dict[str, Job]:
    """The children that measure, by command and run, shared by all tabs."""
    return {}


def begin_measurement(
    workspace: Workspace, run: Run, command: str, title: str, options: Sequence[str] = ()
) -> None:
    """Start ``python -m ml COMMAND RUN OPTIONS``, unless it is running."""
    jobs, key = _jobs(workspace.root), _key(run, command, options)
    if key not in jobs or not jobs[key].running:
        jobs[key] = Job([command, run.id, *options], title).start(workspace)


def measurement_pending(
    workspace: Workspace, run: Run, command: str, options: Sequence[str] = ()
) -> bool:
    """Whether a child measures, or has ended and ``measurement_panel`` has not read its report."""
    job = _jobs(workspace.root).get(_key(run, command, options))
    return job is not None and not job.reason


def _key(run: Run, command: str, options: Sequence[str]) -> str:
    return " ".join((command, run.id, *options))


def measurement_panel(
    workspace: Workspace,
    run: Run,
    command: str,
    title: str,
    icon: str,
    label: str = "Measure it",
    options: Sequence[str] = (),
    on_report: Callable[[dict[str, Any]], None] = lambda report: None,
) -> None:
    """Draw a button that measures, or the progress; the page is drawn anew at the end.

    The error of a measurement that failed stays until it is started again.

    Args:
        title: what the child does, as its bar says it.
        label: of the button.
        options: further words of the command.
        then: is told what the child reports, before the page is drawn anew.
    """
    jobs, key = _jobs(workspace.root), _key(run, command, options)
    name = "-".join((command, *options, run.id))
    job = jobs.get(key)
    if job and job.running:
        st.fragment(_progress, run_every=TICK_SECONDS)(jobs, key, f"cancel-{name}")
        return
    if job:
        try:
            report = job.result()
        except BadInputError as error:  # the page may be drawn again before anybody has read it
            st.warning(plain(str(error)), icon=":material/error:")
        else:
            jobs.pop(key, None)  # another tab may have been here
            on_report(report)
            redraw.request()
            return
    if st.button(label, key=f"measure-{name}", icon=icon):
        begin_measurement(workspace, run, command, title, options)
        st.rerun()


def _progress(jobs: dict[str, Job], key: str, cancel: str) -> None:
    job = jobs.get(key)
    if job is None or not job.running:
        redraw.request()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if job_bar(job, cancel):
            jobs.pop(key, None)  # it has not failed
            st.rerun()
