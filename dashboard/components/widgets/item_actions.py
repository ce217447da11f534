"""Item actions: move selected pictures to a class, exclude or delete them."""

from collections.abc import Sequence

import streamlit as st

from dashboard.actions.edits import commit_edits
from dashboard.state.page_states import EditState
from dashboard.state.stored import stored
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

MAX_NAME_LENGTH = 100


def item_actions(
    workspace: Workspace, version: DatasetVersion, selected: Sequence[int], key: str
) -> None:
    """Draw the row of actions for the selected items; what is pressed is done at once."""
    items = [version.items[n] for n in selected]
    state = stored(EditState)
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"actions-{key}"
    ):
        name = st.selectbox(
            "Move to class",
            version.classes,
            index=None,
            key=f"move-{key}-{state.move_turn}",
            placeholder="Move to class",
            label_visibility="collapsed",
            accept_new_options=True,
            disabled=not selected,
            width=170,
        )
        if selected and name:
            state.move_turn += 1  # the next choice begins with nothing
            _move(workspace, version, selected, str(name))
        if (not items or any(not item.excluded for item in items)) and st.button(
            "Exclude",
            key=f"exclude-{key}",
            disabled=not selected,
            help="They stay in the set and are used for nothing.",
        ):
            commit_edits(workspace, version, [{"do": "exclude", "items": list(selected)}])
        if any(item.excluded for item in items) and st.button("Include", key=f"include-{key}"):
            commit_edits(workspace, version, [{"do": "include", "items": list(selected)}])
        if st.button("Delete", key=f"delete-{key}", disabled=not selected):
            commit_edits(workspace, version, [{"do": "delete", "items": list(selected)}])


def _move(
    workspace: Workspace, version: DatasetVersion, selected: Sequence[int], name: str
) -> None:
    """Give the selected pictures the label ``name``, which may be a new class."""
    name = " ".join(name.split())[:MAX_NAME_LENGTH]
    edits: list[dict[str, object]] = []
    if name not in version.classes:
        edits.append({"do": "add_class", "name": name})
    commit_edits(
        workspace, version, [*edits, {"do": "relabel", "items": list(selected), "label": name}]
    )


def selection_sentence(selected: int, elsewhere: int) -> str:
    """How many are selected, as Markdown."""
    if not selected:
        return "Select pictures to move, exclude or delete them."
    elsewhere_text = f", {elsewhere:,} of them not on this page" if elsewhere else ""
    return f"**{count(selected, 'picture')} selected**{elsewhere_text}"
