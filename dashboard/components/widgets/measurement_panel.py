"""What a page lets measure about a run: a button, and how far the child that measures is."""

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
    """The children that measure, by command and run: every tab finds them at work."""
    return {}


def begin(
    workspace: Workspace, run: Run, command: str, title: str, options: Sequence[str] = ()
) -> None:
    """Start ``python -m ml COMMAND RUN OPTIONS``, unless it is at it."""
    jobs, key = _jobs(workspace.root), _key(run, command, options)
    if key not in jobs or not jobs[key].running:
        jobs[key] = Job([command, run.id, *options], title).start(workspace)


def begun(workspace: Workspace, run: Run, command: str, options: Sequence[str] = ()) -> bool:
    """Whether a child is at it, or has ended and ``measuring`` has not looked at its report."""
    job = _jobs(workspace.root).get(_key(run, command, options))
    return job is not None and not job.reason


def _key(run: Run, command: str, options: Sequence[str]) -> str:
    return " ".join((command, run.id, *options))


def measuring(
    workspace: Workspace,
    run: Run,
    command: str,
    title: str,
    icon: str,
    label: str = "Measure it",
    options: Sequence[str] = (),
    then: Callable[[dict[str, Any]], None] = lambda report: None,
) -> None:
    """A button that measures, or how far that is; the page is drawn anew when it is done. Why it
    failed stands there until it is measured again.

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
            then(report)
            redraw.request()
            return
    if st.button(label, key=f"measure-{name}", icon=icon):
        begin(workspace, run, command, title, options)
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
