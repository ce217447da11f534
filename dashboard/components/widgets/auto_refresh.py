"""Auto refresh: redraws a page when a run that it shows has changed its status."""

from collections.abc import Mapping

import streamlit as st

from dashboard.state import redraw
from dashboard.workers import engine
from ml.runs.folder import Run
from ml.workspace import Workspace

SECONDS = 2.0


def auto_refresh(workspace: Workspace, drawn_statuses: Mapping[str, str]) -> None:
    """Compare the statuses that were drawn, by run id, with those of now, every two seconds.

    It only starts a timer where one of them is queued or running.
    """
    live = any(status in ("queued", "running") for status in drawn_statuses.values())
    st.fragment(_compare_statuses, run_every=SECONDS if live else None)(
        workspace, dict(drawn_statuses)
    )


def _compare_statuses(workspace: Workspace, drawn_statuses: dict[str, str]) -> None:
    if any(status_now(workspace, run) != status for run, status in drawn_statuses.items()):
        redraw.request()


def status_now(workspace: Workspace, identifier: str) -> str:
    """The status of a run by its id; "gone" where it was deleted meanwhile."""
    run = Run(workspace.runs / identifier)
    return engine.status(run).name if run.folder.is_dir() else "gone"
