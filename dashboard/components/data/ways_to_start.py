"""Ways to start: drop pictures, make classes, or open a bundled data set."""

import streamlit as st

from dashboard.components.data.ingest_progress import queue_ingest, report_ingest_error
from dashboard.components.data.upload import drop_zone, folder_path, free_name, well_known
from dashboard.server import limits
from dashboard.state import selection
from dashboard.state.page_states import DataState
from dashboard.state.stored import stored
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from dashboard.workers.job import Job
from ml.data import catalog
from ml.data.edits import edits
from ml.data.store.versions import latest
from ml.errors import MLError
from ml.workspace import Workspace

FIRST_CLASSES = ("Class 1", "Class 2")


def ways_to_start(workspace: Workspace) -> None:
    """Draw them. Each leads to a data set in hand."""
    with st.grid("auto", min_column_width=250, gap="medium"):
        _drop()
        _make(workspace)
        _look(workspace)


def open_set(workspace: Workspace, name: str) -> None:
    """Take a set in hand; one that comes with Lensmith is brought in at its first use."""
    selection.choose_data(name)
    stored(DataState).new_set = False
    if not latest(workspace, name):
        queue_ingest(Job(["ingest", name], f"Opening {name}"))


def _drop() -> None:
    with st.container(border=True, key="card-road-drop"):
        st.subheader("Drop what you have", anchor=False)
        st.markdown(
            "A folder or a zip with one folder of pictures for each class, or pictures and a CSV "
            "that names their classes."
        )
        drop_zone("A zip, or pictures and a CSV", "drop-files", {})
        drop_zone("A folder of class folders", "drop-folder", {}, folder=True)
        folder_path({}, "road-folder")


def _make(workspace: Workspace) -> None:
    with st.container(border=True, key="card-road-make"):
        st.subheader("Make classes", anchor=False)
        st.markdown(
            "Name the kinds of things to tell apart. Shoot pictures of each with the camera, or "
            "drop them there."
        )
        name = st.text_input("Name of the set", "my-pictures", max_chars=60, key="new-name")
        if st.button("Make classes", type="primary", key="make-classes"):
            try:
                free_title = free_name(workspace, name)
                version = edits.create(workspace, free_title, FIRST_CLASSES)
            except MLError as error:
                report_ingest_error(str(error))
                st.rerun()
            open_set(workspace, version.name)
            st.rerun()


def _look(workspace: Workspace) -> None:
    with st.container(border=True, key="card-road-look"):
        st.subheader("Look at a set", anchor=False)
        st.markdown("These come with Lensmith. Look around, change them, and go back any time.")
        bundled = [info for info in catalog.list_datasets(workspace) if info.kind == "bundled"]
        for info in bundled:
            label = f"{plain(info.title)} · {count(info.pictures, 'picture')}"
            if st.button(label, key=f"look-{info.name}", width="stretch"):
                open_set(workspace, info.name)
                st.rerun()
        if limits.local_mode():
            well_known(workspace)
