"""Runs: all of them, to open, compare, rename, delete and bring back."""

import streamlit as st

from dashboard.actions import runs
from dashboard.components.runs.run_comparison import run_comparison
from dashboard.components.runs.run_row import run_row
from dashboard.components.runs.trash import trash_expander, undo_bar
from dashboard.components.widgets.auto_refresh import auto_refresh
from dashboard.components.widgets.empty_state import empty_state
from dashboard.queries import run_list
from dashboard.state import deep_links
from dashboard.state.keys import RUNS_ORDER, run_chosen_key
from dashboard.state.messages import RUNS_ERROR
from dashboard.state.navigation import RUNS, TRAIN
from dashboard.state.page_states import RunsState
from dashboard.state.stored import stored
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.runs.folder import Run

PAGE = 20

workspace = deep_links.open_page(RUNS)
st.title("Runs", anchor=False)
with st.container():  # always there: what comes and goes in it moves nothing below to a new place
    if error := RUNS_ERROR.take():
        st.error(plain(error), icon=":material/error:")
    undo_bar(workspace)
RUNS_ORDER.set_default("Newest first")
rows = run_list.rows(workspace, RUNS_ORDER.value("Newest first"))
if not rows:
    empty_state(
        "No runs yet",
        "Every training is kept here, with its settings, its curves and its model.",
        "Train a classifier",
        TRAIN,
    )
    trash_expander(workspace)
    st.stop()

chosen = [row for row in rows if run_chosen_key(row.id).value(False) and not row.damage]
with st.container(horizontal=True, vertical_alignment="center"):
    st.selectbox(
        "Sort", list(run_list.SORTS), key=RUNS_ORDER, width=220, label_visibility="collapsed"
    )
    if chosen:
        st.markdown(f"{count(len(chosen), 'run')} chosen", width="content")
        if st.button("Delete", key="delete-chosen", icon=":material/delete:"):
            runs.delete(workspace, {row.id: row.name for row in chosen})
            st.rerun()
state = stored(RunsState)
row_limit = PAGE + state.more_runs
for row in rows[:row_limit]:
    run_row(workspace, row)
if len(rows) > row_limit and st.button(
    f"Show {min(PAGE, len(rows) - row_limit)} more", key="more-runs"
):
    state.more_runs += PAGE
    st.rerun()
if len(chosen) >= 2:
    run_comparison([(Run(workspace.runs / row.id), row.name) for row in chosen])
elif len(rows) >= 2:
    st.caption("Choose two or more runs to lay their curves over one another.")
trash_expander(workspace)
auto_refresh(workspace, {row.id: row.status for row in rows[:row_limit] if not row.damage})
