"""Classify: drop pictures, or use the camera, and see what a model makes of them."""

import streamlit as st

from dashboard.components.classify.results import results
from dashboard.components.classify.share_expander import share_expander
from dashboard.components.widgets.empty_state import empty_state
from dashboard.components.widgets.run_picker import run_picker
from dashboard.components.widgets.take_away import take_away
from dashboard.queries.run_list import newest_tested, usable
from dashboard.state import deep_links, selection
from dashboard.state.keys import run_picker_key
from dashboard.state.navigation import CLASSIFY, TRAIN
from dashboard.text.markdown import plain
from dashboard.text.wording import count

workspace = deep_links.open_page(CLASSIFY)
if selection.current_run() is None and (newest := newest_tested(workspace)):
    selection.choose_run(newest.id)
with st.container(horizontal=True, vertical_alignment="center"):
    st.title("Classify", width="content", anchor=False)
    run = run_picker("Model", key=run_picker_key("classify"), only=usable)
if run is None or (model := run.model) is None:
    empty_state(
        "No model to try yet",
        "Train a classifier first. Then drop a picture here and see what it makes of it.",
        "Train a classifier",
        TRAIN,
    )
    st.stop()

if (wanted := selection.current_run()) and wanted.id != run.id:
    st.caption("The run in hand has no model yet. This is the newest one that has.")
classes = [plain(str(name)) for name in model["classes"]]
st.caption(f"Tells {count(len(classes), 'class', 'classes')} apart: {', '.join(classes[:20])}.")
results(workspace, run, with_labelling=True)
take_away(workspace, run)
share_expander(run)
