"""Class edits: rename, merge and remove classes of a data set."""

import streamlit as st

from dashboard.actions.edits import commit_edits
from dashboard.components.widgets.item_actions import MAX_NAME_LENGTH
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

OPERATIONS = ("Rename", "Merge", "Remove")


def edit_classes(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the button that opens the three ways to change classes."""
    if not version.classes:
        return
    with st.popover("Change classes", icon=":material/label:", key="change-classes"):
        operation = st.segmented_control(
            "What to do",
            OPERATIONS,
            default=OPERATIONS[0],
            required=True,
            key="class-way",
            label_visibility="collapsed",
        )
        key = f"{version.version}"
        if operation == "Merge":
            _merge(workspace, version, key)
        elif operation == "Remove":
            _remove(workspace, version, key)
        else:
            _rename(workspace, version, key)


def _rename(workspace: Workspace, version: DatasetVersion, key: str) -> None:
    old = st.selectbox("Class", version.classes, key=f"rename-{key}")
    new = st.text_input(
        "New name", key=f"renamed-{key}", max_chars=MAX_NAME_LENGTH, placeholder=str(old)
    )
    new = " ".join(new.split())
    if st.button("Rename", key="rename-class") and new:
        commit_edits(workspace, version, [{"do": "rename_class", "old": old, "new": new}])


def _merge(workspace: Workspace, version: DatasetVersion, key: str) -> None:
    names = st.multiselect(
        "Classes that become one", version.classes, key=f"merge-{key}", placeholder="Two or more"
    )
    into = st.selectbox(
        "Name of the one class",
        names,
        key=f"merge-into-{key}-{len(names)}",
        accept_new_options=True,
        disabled=len(names) < 2,
        placeholder="One of them, or a new name",
    )
    if st.button("Merge", key="merge-classes", disabled=len(names) < 2 or not into):
        merged_name = " ".join(str(into).split())[:MAX_NAME_LENGTH]
        commit_edits(
            workspace, version, [{"do": "merge_classes", "names": names, "into": merged_name}]
        )


def _remove(workspace: Workspace, version: DatasetVersion, key: str) -> None:
    name = st.selectbox("Class", version.classes, key=f"remove-{key}")
    label = version.classes.index(name) if name in version.classes else -1
    pictures = sum(item.label == label for item in version.items)
    st.caption(
        f"Its {count(pictures, 'picture')} leave the set with it. Earlier versions keep them."
        if pictures
        else "It has no picture."
    )
    if st.button("Remove", key="remove-class") and name:
        commit_edits(workspace, version, [{"do": "remove_class", "name": name}])
