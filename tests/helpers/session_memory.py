"""A browser tab's session state without a browser."""

from typing import Any

from dashboard.state.stored import stored_in
from dashboard.state.tab import TabState
from ml.workspace import Workspace


def memory(workspace: Workspace) -> dict[str, Any]:
    """What ``st.session_state`` is replaced by, for code that asks for the workspace."""
    session_state: dict[str, Any] = {}
    stored_in(session_state, TabState).workspace = workspace
    return session_state
