"""Classify: drop pictures, or use the camera, and see what a model makes of them."""

from functools import partial

import streamlit as st

from dashboard import session, tray
from dashboard.components.empty import empty
from dashboard.components.look_alikes import unlike_sentence
from dashboard.components.picker import run_picker
from dashboard.components.prediction_card import prediction_card
from dashboard.components.take_in import take_in
from dashboard.components.telling import telling
from dashboard.components.trust import threshold_sentence
from dashboard.components.why import why
from dashboard.inference import client
from dashboard.navigation import CLASSIFY, TRAIN
from dashboard.runlist import newest_tested, usable
from dashboard.tables import csv_of
from dashboard.text import plain
from dashboard.words import count

PAGE = 24

workspace = session.begin(CLASSIFY)
if session.current_run() is None and (newest := newest_tested(workspace)):
    session.choose_run(newest.id)
with st.container(horizontal=True, vertical_alignment="center"):
    st.title("Classify", width="content", anchor=False)
    run = run_picker("Model", key="classify-run", only=usable)
if run is None or (model := run.model) is None:
    empty(
        "No model to try yet",
        "Train a classifier first. Then drop a picture here and see what it makes of it.",
        "Train a classifier",
        TRAIN,
    )
    st.stop()

if (wanted := session.current_run()) and wanted.id != run.id:
    st.caption("The run in hand has no model yet. This is the newest one that has.")
classes = [plain(str(name)) for name in model["classes"]]
st.caption(f"Tells {count(len(classes), 'class', 'classes')} apart: {', '.join(classes[:20])}.")
take_in(workspace, run)

with st.container():  # always there, so that the cards below keep their place and are not redrawn
    if waiting := tray.unanswered(run.id):
        bar = st.progress(0.0, f"Looking at {count(len(waiting), 'picture')}")
        with telling():
            tray.answer(
                run.id,
                partial(client().classify, run.folder, top_k=tray.TOP),
                lambda done, total: bar.progress(done / total, f"Looking at {done + 1} of {total}"),
            )
        bar.empty()

held = tray.entries()
if not held:
    st.stop()
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
            *(entry, run.id, float(model["threshold"]), tray.remove), partial(why, workspace, run)
        )
if len(held) > most and st.button(f"Show {min(PAGE, len(held) - most)} more"):
    st.session_state["tray-shown"] = most + PAGE
    st.rerun()
st.caption(threshold_sentence(float(model["threshold"]), model.get("answers")))
if rule := unlike_sentence(model.get("unlike")):
    st.caption(rule)
