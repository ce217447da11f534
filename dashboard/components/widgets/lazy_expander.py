"""Lazy expander: draws its content only once it is opened."""

from collections.abc import Callable

import streamlit as st


def lazy_expander(title: str, key: str, draw: Callable[[], None]) -> None:
    """An expander whose inside is drawn by ``draw`` once it is opened, and not before."""
    expander = st.expander(title, key=key, on_change="rerun")
    if expander.open:
        with expander:
            draw()
