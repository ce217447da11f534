"""Engine: starts, stops and queues trainings, whose processes outlive page and server.

Nothing is stored twice: what a run is doing follows from its folder (``ml.runs.status``). Runs
started from a shell pass the queue by: they neither wait in it nor hold it up.
"""

from pathlib import Path

import streamlit as st

from dashboard.workers.dispatcher import Dispatcher
from dashboard.workers.run_status import log_tail, position, status, with_status
from ml.config import TrainConfig
from ml.runs import queue, trash
from ml.runs.folder import Run
from ml.training.start import RunPictures
from ml.training.start import start as start_run
from ml.workspace import Workspace

__all__ = [
    "ensure_dispatcher",
    "kill",
    "log_tail",
    "position",
    "resume",
    "retry",
    "start",
    "status",
    "stop",
    "with_status",
]


def start(
    workspace: Workspace,
    config: TrainConfig,
    pictures: RunPictures = None,
    *,
    parent: str | None = None,
) -> Run:
    """Make a run, as ``ml.training.start`` does, and put it into the queue."""
    run = start_run(workspace, config, pictures, parent=parent)
    ensure_dispatcher(workspace).wake.set()
    return run


def retry(workspace: Workspace, run: Run) -> Run:
    """A new run with the settings and the pictures of ``run``."""
    return start(workspace, run.config, run.dataset, parent=run.id)


def resume(workspace: Workspace, run: Run, epochs: int | None = None) -> None:
    """Put a run that is over into the queue again, to go on where it was."""
    run.ask_to_resume(epochs)
    ensure_dispatcher(workspace).wake.set()


def stop(workspace: Workspace, run: Run) -> None:
    """Ask a running run to stop; take a queued one out of the queue, into the trash."""
    if status(run).name == "queued":
        trash.delete(workspace, run)
    else:
        run.ask_to_stop()


def kill(run: Run) -> None:
    """End the worker of ``run`` at once; the run is then interrupted."""
    queue.kill(run)


@st.cache_resource(show_spinner=False)
def _dispatcher(root: Path) -> Dispatcher:
    dispatcher = Dispatcher(Workspace(root))
    dispatcher.start()
    return dispatcher


def ensure_dispatcher(workspace: Workspace) -> Dispatcher:
    """The dispatcher of this server for ``workspace``; started at the first call."""
    return _dispatcher(workspace.root)
