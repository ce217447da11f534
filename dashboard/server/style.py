"""Style sheet for what the theme in ``.streamlit/config.toml`` cannot reach."""

import streamlit as st

from dashboard.server.static import ASSETS


def apply() -> None:
    """Send the style sheet. The entry does this first in every run."""
    st.html(ASSETS / "style.css")
