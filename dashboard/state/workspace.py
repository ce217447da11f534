"""Workspace of this process, as a browser tab sees it."""

from pathlib import Path

import streamlit as st

from dashboard.state.tab import tab_state
from ml.models.plugins import discovery as plugins
from ml.workspace import Workspace, default_root, open_workspace


@st.cache_resource(show_spinner=False)
def _opened() -> set[Path]:
    """The workspaces that this server has opened: one that is gone then is not made anew."""
    return set()


def open_current_workspace() -> Workspace:
    """Open the workspace. The entry calls it in every script run, so that a full or read-only disk
    shows at once.

    Raises:
        WorkspaceError: it cannot be used; the message is for the page.
    """
    opened = _opened()
    workspace = open_workspace(must_exist=default_root() in opened)
    opened.add(workspace.root)
    plugins.use_workspace(workspace)
    tab_state().workspace = workspace
    return workspace


def current_workspace() -> Workspace:
    """The workspace that the entry opened."""
    return tab_state().workspace or open_current_workspace()
