"""Data: bring pictures in, class by class or all at once, see what is wrong, and mend it."""

import streamlit as st

from dashboard.compat.dropped_folders import keep_folders
from dashboard.components.data.augment_panel import augment_panel
from dashboard.components.data.class_balance import class_balance
from dashboard.components.data.class_columns import class_columns
from dashboard.components.data.explorer import explorer
from dashboard.components.data.findings import findings
from dashboard.components.data.header import (
    dataset_picker,
    datasets_by_name,
    header_buttons,
    readiness_badge,
)
from dashboard.components.data.ingest_progress import (
    ingest_progress,
    ingest_under_way,
    settle_ingest,
)
from dashboard.components.data.quick_model import quick_model
from dashboard.components.data.similarity_map import similarity_map
from dashboard.components.data.split_panel import split_panel
from dashboard.components.data.upload import drop_zone, folder_path
from dashboard.components.data.version_list import version_list
from dashboard.components.data.ways_to_start import open_set, ways_to_start
from dashboard.components.widgets.dataset_preview import dataset_preview
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
    "Balance and sizes": class_balance,
    "Map": similarity_map,
    "What the model sees": augment_panel,
    "Split": split_panel,
    "Versions": version_list,
}

workspace = deep_links.open_page(DATA)
state = stored(DataState)
settle_ingest()
keep_folders()
known = datasets_by_name(workspace)
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
    ingest_progress()
    if not ingest_under_way():
        ways_to_start(workspace)
    st.stop()

with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="page-head"):
    st.title("Data", width="content", anchor=False)
    dataset_picker(known, name)
    newest = latest(workspace, name)
    version = version_at(workspace, name, newest) if newest else None
    if version:
        header_buttons(version)
ingest_progress()
if version is None:
    with st.container(border=True, key="card-open"):
        dataset_preview(workspace, known[name])
        if not ingest_under_way() and st.button(
            "Open these pictures", type="primary", key="open-set"
        ):
            open_set(workspace, name)
            st.rerun()
    st.stop()

undo_bar(workspace, version)
readiness_badge(version)
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
quick_model(workspace, version)
class_columns(workspace, version)
tabs = st.tabs(list(PANELS), key=DATA_PANEL, on_change="rerun")
for tab, panel in zip(tabs, PANELS.values(), strict=True):
    if tab.open:
        with tab:
            panel(workspace, version)
