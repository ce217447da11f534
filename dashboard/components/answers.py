"""Pictures come in, and what a model makes of them: all of Classify but the choice of the model."""

from functools import partial

import streamlit as st

from dashboard import inference, session, tray
from dashboard.components.live_camera import live_camera
from dashboard.components.prediction_card import prediction_card
from dashboard.components.take_in import take_in
from dashboard.components.telling import telling
from dashboard.components.why import why
from dashboard.tables import csv_of
from dashboard.words import count
from ml import sentences
from ml.runs import Run
from ml.workspace import Workspace

PAGE = 24


def answers(workspace: Workspace, run: Run) -> None:
    """Draw it for a run that has a model."""
    model = run.model or {}
    take_in(workspace, run)
    live_camera(run)
    with st.container():  # always there, so that the cards below keep their place
        _ask(run)
    held = tray.entries()
    if not held:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(count(len(held), "picture"), anchor=False, width="content")
        st.download_button(
            "Answers as CSV",
            csv_of(tray.lines(run.id)),
            f"{run.id}-answers.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button("Clear", icon=":material/close:", type="tertiary", on_click=tray.clear)
    most = session.state("tray-shown", PAGE)
    with st.grid("auto", min_column_width=330):
        for entry in held[:most]:
            prediction_card(
                *(entry, run.id, float(model["threshold"]), tray.remove),
                partial(why, workspace, run),
            )
    if len(held) > most and st.button(f"Show {min(PAGE, len(held) - most)} more"):
        st.session_state["tray-shown"] = most + PAGE
        st.rerun()
    st.caption(sentences.threshold(float(model["threshold"]), model.get("answers")))
    if rule := sentences.unlike(model.get("unlike")):
        st.caption(rule)


def _ask(run: Run) -> None:
    """Ask the model about the pictures that it was not asked about."""
    waiting = tray.unanswered(run.id)
    if not waiting:
        return
    bar = st.progress(0.0, f"Looking at {count(len(waiting), 'picture')}")

    def tell(done: int, total: int) -> None:
        bar.progress(done / total, f"Looking at {done + 1} of {total}")

    with telling():
        tray.answer(run.id, partial(inference.client().classify, run.folder, top_k=tray.TOP), tell)
    bar.empty()
