"""A window above the page, which stays open when the page is drawn anew.

That happens when a training ends while somebody reads it; Streamlit alone would close it.

Whoever draws one asks ``in_window`` in every drawing, and gives its ``st.dialog`` this module's
``close_window`` as ``on_dismiss``.
"""

from typing import Any

import streamlit as st

from dashboard.state.session import WINDOW, WINDOW_ASKED


def open_window(name: str, about: Any = True) -> None:
    """Open the window called ``name``, in place of any other. ``about``: what it is to show."""
    st.session_state[WINDOW] = (name, about)


def in_window(name: str) -> Any:
    """What the window called ``name`` is to show; None where it is not open."""
    st.session_state[WINDOW_ASKED] = st.session_state.get(WINDOW_ASKED, frozenset()) | {name}
    opened, about = st.session_state.get(WINDOW, ("", None))
    return about if opened == name else None


def close_window() -> None:
    """Have it gone in the next drawing."""
    st.session_state.pop(WINDOW, None)
