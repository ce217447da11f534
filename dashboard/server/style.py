"""The one style sheet, for what the theme in ``.streamlit/config.toml`` cannot reach."""

import html

import streamlit as st

from dashboard.server.static import ASSETS


def apply() -> None:
    """Send the style sheet. The entry does this first in every run."""
    st.html(ASSETS / "style.css")


def escape(text: object) -> str:
    """``text`` made safe to stand inside HTML: names of classes and files come from people."""
    return html.escape(str(text), quote=True)
