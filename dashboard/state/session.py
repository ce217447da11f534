"""To go: entries of session state by a bare name."""

from typing import Any

import streamlit as st


def state(name: str, default: Any) -> Any:
    """The entry ``name`` of this tab's memory, set to ``default`` where there is none."""
    return st.session_state.setdefault(name, default)
