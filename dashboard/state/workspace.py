"""Workspace of this process, as a browser tab sees it."""

from dashboard.state.tab import tab_state
from ml.models.plugins import discovery as plugins
from ml.workspace import Workspace, open_workspace


def open_current_workspace() -> Workspace:
    """Open the workspace. The entry calls it in every script run, so that a full or read-only disk
    shows at once.

    Raises:
        WorkspaceError: it cannot be used; the message is for the page.
    """
    workspace = open_workspace()
    plugins.use_workspace(workspace)
    tab_state().workspace = workspace
    return workspace


def current_workspace() -> Workspace:
    """The workspace that the entry opened."""
    return tab_state().workspace or open_current_workspace()
