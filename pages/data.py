"""Data: bring pictures in, class by class or all at once, see what is wrong, and mend it."""

import streamlit as st

from dashboard.compat.dropped_folders import keep_folders
from dashboard.components.data.augment_panel import augment_panel
from dashboard.components.data.class_balance import balance
from dashboard.components.data.class_columns import class_columns
from dashboard.components.data.explorer import explorer
from dashboard.components.data.findings import findings
from dashboard.components.data.header import (
    head_buttons,
    readiness,
    set_picker,
    sets_at_hand,
)
from dashboard.components.data.ingest_progress import ingest_view, settle, under_way
from dashboard.components.data.quick_model import instant
from dashboard.components.data.similarity_map import similarity_map
from dashboard.components.data.split_panel import split_panel
from dashboard.components.data.upload import drop_zone, folder_path
from dashboard.components.data.version_list import version_list
from dashboard.components.data.ways_to_start import open_set, roads
from dashboard.components.widgets.dataset_preview import preview
from dashboard.components.widgets.undo import undo_bar
from dashboard.queries.datasets import version_at
from dashboard.state import deep_links, selection
from dashboard.state.keys import DATA_PANEL
from dashboard.state.navigation import DATA
from dashboard.state.page_states import DataState
from dashboard.state.stored import stored
from ml.data.store.versions import latest

PANELS = {
    "Look and change": explorer,
    "Balance and sizes": balance,
    "Map": similarity_map,
    "What the model sees": augment_panel,
    "Split": split_panel,
    "Versions": version_list,
}

workspace = deep_links.open_page(DATA)
state = stored(DataState)
settle()
keep_folders()
known = sets_at_hand(workspace)
name = selection.current_data()
if name is None and (own := [info.name for info in known.values() if info.kind == "own"]):
    name = own[0]
    selection.choose_data(name)
if name is None or state.new_set:
    with st.container(horizontal=True, vertical_alignment="center", key="page-head"):
        st.title("Your own pictures" if name is None else "A new set", anchor=False)
        if name is not None and st.button("Back", icon=":material/arrow_back:", key="back-to-set"):
            state.new_set = False
            st.rerun()
    ingest_view()
    if not under_way():
        roads(workspace)
    st.stop()

with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="page-head"):
    st.title("Data", width="content", anchor=False)
    set_picker(known, name)
    newest = latest(workspace, name)
    version = version_at(workspace, name, newest) if newest else None
    if version:
        head_buttons(version)
ingest_view()
if version is None:
    with st.container(border=True, key="card-open"):
        preview(workspace, known[name])
        if not under_way() and st.button("Open these pictures", type="primary", key="open-set"):
            open_set(workspace, name)
            st.rerun()
    st.stop()

undo_bar(workspace, version)
readiness(version)
if state.adding:
    with st.container(border=True, key="card-add"):
        into = {"into": name}
        left, right = st.columns(2, gap="medium")
        with left:
            drop_zone("A zip, or pictures and a CSV", "add-files", into)
        with right:
            drop_zone("A folder of class folders", "add-folder", into, folder=True)
        folder_path(into, "add-folder-path")
        st.caption("Pictures of one class alone: drop them on the class below.")
findings(workspace, version)
instant(workspace, version)
class_columns(workspace, version)
tabs = st.tabs(list(PANELS), key=DATA_PANEL, on_change="rerun")
for tab, panel in zip(tabs, PANELS.values(), strict=True):
    if tab.open:
        with tab:
            panel(workspace, version)
