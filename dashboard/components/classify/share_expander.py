"""Share expander: title, text and address of the page for others."""

import streamlit as st

from dashboard.components.widgets.error_message import error_message
from ml.runs.folder import Run
from ml.sharing import page_text


def share_expander(run: Run) -> None:
    """Draw the expander under Classify that edits the page for others of a run."""
    with st.expander("A page for others to try it"):
        st.write(
            "A page with this classifier alone: your title, your words, the pictures to try and "
            "what it is. No training, no other page."
        )
        page = page_text.read(run)
        title = st.text_input(
            "Title", page.title, max_chars=page_text.MAX_TITLE_LENGTH, key=f"share-title-{run.id}"
        )
        text = st.text_area(
            "What it is for, in a few words",
            page.words,
            max_chars=page_text.MAX_TEXT_LENGTH,
            key=f"share-words-{run.id}",
        )
        if (title, text) != (page.title, page.words):
            with error_message():
                page_text.write(run, title, text)
        st.link_button("Open it", f"./?classify={run.id}", icon=":material/open_in_new:")
        st.caption(
            "Whoever gets that address can still reach the other pages by another one. A server "
            "that has nothing else is started with this:"
        )
        st.code(f"LENSMITH_MODE=demo LENSMITH_DEMO={run.id} python launch.py", language="bash")
