"""Redraw: requests a rerun of the whole page from a fragment."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.state.tab import tab_state


def request() -> None:
    """Have the whole page drawn again.

    A fragment rerun ends here and the page is drawn at once. A run of the whole page is completed
    first: it may answer a press on something further down, which another run would not know of.
    """
    context = get_script_run_ctx()
    if context and context.fragment_ids_this_run:
        st.rerun()
    tab_state().redraw_requested = True


def clear() -> None:
    """Called by the entry before the page is drawn: drop the request that this run answers."""
    tab_state().redraw_requested = False


def perform() -> None:
    """Called by the entry when the page has been drawn: draw it again where that was requested."""
    if tab_state().redraw_requested:
        st.rerun()
