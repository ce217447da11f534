"""Empty state: one sentence and one button in place of a blank page."""

import streamlit as st

from dashboard.state import deep_links
from dashboard.text.html import escape


def empty_state(title: str, text: str, label: str = "", page: str = "") -> None:
    """A card that says what is missing and leads there. ``page`` is a path in ``PAGES``."""
    with st.container(border=True, key=f"card-empty-{title}", horizontal_alignment="center"):
        st.html(f'<div class="lens-empty"><h3>{escape(title)}</h3><p>{escape(text)}</p></div>')
        if label and st.button(label, type="primary", key=f"empty-{title}"):
            deep_links.go_to(page)


def full_page(title: str, text: str) -> None:
    """The whole page says one thing, for when nothing else can be done."""
    st.html(
        f'<div class="lens-full" role="alert"><h1>{escape(title)}</h1><p>{escape(text)}</p></div>'
    )
    st.button("Try again", type="primary")
