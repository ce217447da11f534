"""Header of the results: their count, the choice of cards or table, and downloads."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.state.keys import RESULTS_VIEW
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored
from dashboard.text.wording import count
from dashboard.uploads import session_uploads
from dashboard.uploads.session_uploads import Entry
from dashboard.uploads.zip_download import sorted_zip
from ml.runs.folder import Run
from ml.utils.csv import csv_of

CARDS, TABLE = "Cards", "Table"
MAX_CARDS = 12
"""With more pictures than this a table is easier to look through."""


def results_header(entries: Sequence[Entry], run: Run) -> str:
    """Draw the header; returns the chosen view, ``CARDS`` or ``TABLE``. The default depends on the
    number of pictures (``MAX_CARDS``)."""
    default_view = TABLE if len(entries) > MAX_CARDS else CARDS
    RESULTS_VIEW.set(stored(ClassifyState).chosen_view or default_view)
    with st.container(horizontal=True, vertical_alignment="center", key="answer-head"):
        st.subheader(count(len(entries), "picture"), anchor=False, width="content")
        view = st.segmented_control(
            "Shown as",
            [CARDS, TABLE],
            key=RESULTS_VIEW,
            required=True,
            label_visibility="collapsed",
            on_change=_view_chosen,
        )
        st.download_button(
            "Answers as CSV",
            lambda: csv_of(session_uploads.lines(entries, run.id)),
            f"{run.id}-answers.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Sorted into folders",
            partial(sorted_zip, entries, run.id),
            f"{run.id}-sorted.zip",
            "application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            help="A zip of these pictures in a folder for each label.",
        )
        st.button("Clear", icon=":material/close:", type="tertiary", on_click=session_uploads.clear)
    return str(view)


def _view_chosen() -> None:
    stored(ClassifyState).chosen_view = RESULTS_VIEW.value(None)
