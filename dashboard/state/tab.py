"""Tab state: what the entry script remembers of a browser tab between script runs."""

from dataclasses import dataclass
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.state.stored import stored
from ml.workspace import Workspace


@dataclass
class TabState:
    """One a browser tab; it ends with the tab."""

    workspace: Workspace | None = None
    entered: bool = False
    """Whether the entry script has run. A first visit to a deep link runs the page without it."""
    requested_page: tuple[str, dict[str, str]] | None = None
    """Path and query parameters of a page that was opened before the entry script had run."""
    page: str | None = None
    """``url_path`` of the page that is shown; None before the first."""
    redraw_requested: bool = False
    """Whether the whole page is to be drawn again once this script run ends."""
    dialog: tuple[str, Any] | None = None
    """Name and subject of the dialog that is open."""
    dialogs_drawn: frozenset[str] = frozenset()
    """Names of the dialogs that the page would draw, in this script run, if they were open."""
    training_was_busy: bool = False
    """Whether a run was training or queued when the sidebar was last drawn."""
    shared_run: str = ""
    """Id of the run that this tab shows alone (``?classify=``); empty for the whole app."""


def tab_state() -> TabState:
    """That of this tab."""
    return stored(TabState)


def session_id() -> str:
    """The id of this tab's session; empty outside of a script run."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""
