"""What a page lets measure about a run: a button, and how far the child that measures is."""

from pathlib import Path

import streamlit as st

from dashboard.components.progress_bar import job_bar
from dashboard.preparing import Job
from dashboard.text import plain
from ml.errors import BadInputError
from ml.runs import Run
from ml.workspace import Workspace

TICK_SECONDS = 0.7


@st.cache_resource(show_spinner=False)
def _jobs(root: Path) -> dict[str, Job]:
    """The children that measure, by command and run: every tab finds them at work."""
    return {}


def begin(workspace: Workspace, run: Run, command: str, title: str) -> None:
    """Start ``python -m ml COMMAND RUN``, unless it is at it."""
    jobs, key = _jobs(workspace.root), f"{command} {run.id}"
    if key not in jobs or not jobs[key].running:
        jobs[key] = Job([command, run.id], title).start(workspace)


def measuring(
    workspace: Workspace, run: Run, command: str, title: str, icon: str, label: str = "Measure it"
) -> None:
    """A button that measures, or how far that is; the page is drawn anew when it is done.

    Args:
        title: what the child does, as its bar says it.
        label: of the button.
    """
    jobs, key = _jobs(workspace.root), f"{command} {run.id}"
    job = jobs.get(key)
    if job and job.running:
        st.fragment(_progress, run_every=TICK_SECONDS)(job, f"cancel-{command}-{run.id}")
        return
    if job:
        del jobs[key]
        try:
            job.result()
            st.rerun()
        except BadInputError as error:
            st.warning(plain(str(error)), icon=":material/error:")
    if st.button(label, key=f"measure-{command}-{run.id}", icon=icon):
        begin(workspace, run, command, title)
        st.rerun()


def _progress(job: Job, key: str) -> None:
    if not job.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        if job_bar(job, key):
            st.rerun()
