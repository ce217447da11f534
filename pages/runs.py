"""Runs: all of them, to open, compare, rename, delete and bring back."""

import streamlit as st

from dashboard.components.runs.run_comparison import compare
from dashboard.components.runs.run_row import delete, run_row, title
from dashboard.components.runs.trash import trash, undo_bar
from dashboard.components.widgets.auto_refresh import watch
from dashboard.components.widgets.empty_state import empty
from dashboard.queries import run_list
from dashboard.state import deep_links, session
from dashboard.state.navigation import RUNS, TRAIN
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.runs.folder import Run

PAGE = 20

workspace = deep_links.open_page(RUNS)
st.title("Runs", anchor=False)
with st.container():  # always there: what comes and goes in it moves nothing below to a new place
    if said := st.session_state.pop("runs-error", ""):
        st.error(plain(said), icon=":material/error:")
    undo_bar(workspace)
rows = run_list.rows(workspace, session.state("runs-sort", "Newest first"))
if not rows:
    empty(
        "No runs yet",
        "Every training is kept here, with its settings, its curves and its model.",
        "Train a classifier",
        TRAIN,
    )
    trash(workspace)
    st.stop()

chosen = [row for row in rows if st.session_state.get(f"chosen-{row.id}") and not row.damage]
with st.container(horizontal=True, vertical_alignment="center"):
    st.selectbox(
        "Sort", list(run_list.SORTS), key="runs-sort", width=220, label_visibility="collapsed"
    )
    if chosen:
        st.markdown(f"{count(len(chosen), 'run')} chosen", width="content")
        if st.button("Delete", key="delete-chosen", icon=":material/delete:"):
            delete(workspace, chosen)
            st.rerun()
most = session.state("runs-shown", PAGE)
for row in rows[:most]:
    run_row(workspace, row)
if len(rows) > most and st.button(f"Show {min(PAGE, len(rows) - most)} more", key="more-runs"):
    st.session_state["runs-shown"] = most + PAGE
    st.rerun()
if len(chosen) >= 2:
    compare([(Run(workspace.runs / row.id), title(row)) for row in chosen])
elif len(rows) >= 2:
    st.caption("Choose two or more runs to lay their curves over one another.")
trash(workspace)
watch(workspace, {row.id: row.status for row in rows[:most] if not row.damage})
