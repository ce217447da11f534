"""Demo mode: the page for others, with one classifier alone: ``?classify=<run>``, or
``LENSMITH_MODE=demo``.

With the mode, a server has this page and no other, for whatever address. ``LENSMITH_DEMO`` says
which run it shows (its id, the start of it, or ``latest``).
"""

import os

import streamlit as st

from dashboard.components.widgets.error_message import error_message
from dashboard.state.deep_links import forget_requested_page
from dashboard.state.navigation import SHARED
from dashboard.state.tab import tab_state
from ml.errors import BadInputError
from ml.runs.folder import Run, find_listed
from ml.workspace import Workspace, is_demo


def requested_run() -> str:
    """The run that this tab is to show alone; empty where it is to show the whole app."""
    if is_demo():
        return os.environ.get("LENSMITH_DEMO") or "latest"
    run_in_address = st.query_params.get("classify")
    if run_in_address:
        tab_state().shared_run = run_in_address
    return tab_state().shared_run


def shared_run(workspace: Workspace) -> Run | None:
    """The run that is shown alone, or None where there is none such with a model."""
    try:
        run = find_listed(workspace, requested_run())
    except BadInputError:
        return None
    return run if run.model else None


def draw() -> None:
    """Called by the entry instead of all else: the one page, without a menu, for any address."""
    forget_requested_page()
    page = st.Page(SHARED.path, title=SHARED.title, default=True)
    with error_message():
        st.navigation([page], position="hidden").run()
