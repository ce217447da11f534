"""Shown page: the page that this tab shows."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.compat.streamlit_reruns import PAGE_HASH_KEY
from dashboard.state.navigation import url_path
from dashboard.state.tab import tab_state


def on_page(path: str) -> bool:
    """Whether the page with this path in ``PAGES`` is the one that is shown."""
    return tab_state().page == url_path(path)


def note_page(page: str) -> None:
    """Called by the entry after the navigation: note the page that is shown (its ``url_path``)."""
    tab_state().page = page
    context = get_script_run_ctx()
    if context:
        st.session_state[PAGE_HASH_KEY] = context.page_script_hash


def clear_page_hash() -> None:
    """Called by the entry before the navigation: a late fragment belongs to no page until
    ``note_page`` says which one is shown. The page for others never does."""
    st.session_state.pop(PAGE_HASH_KEY, None)
