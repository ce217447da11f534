"""Deleted runs: undo at once, restore later, delete for good after a question."""

import streamlit as st

from dashboard.state.messages import DELETED_RUNS, RUNS_ERROR
from dashboard.state.open_dialog import close_dialog, dialog_subject, open_dialog
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.errors import MLError
from ml.runs import trash
from ml.workspace import Workspace


def undo_bar(workspace: Workspace) -> None:
    """After a deletion: say what went, with a button that brings it back."""
    gone = DELETED_RUNS.peek() or []
    still = {run.id for run in trash.trashed(workspace)}
    gone = [(identifier, name) for identifier, name in gone if identifier in still]
    if not gone:
        return
    what = plain(gone[0][1]) if len(gone) == 1 else count(len(gone), "run")
    with (
        st.container(border=True, key="card-undo"),
        st.container(horizontal=True, vertical_alignment="center"),
    ):
        st.markdown(f"{what} moved to the trash.", width="stretch")
        if st.button("Undo", key="undo", type="primary"):
            for identifier, _ in gone:
                _restore(workspace, identifier)
            DELETED_RUNS.take()
            st.rerun()
        if st.button("Dismiss", key="dismiss", type="tertiary"):
            DELETED_RUNS.take()
            st.rerun()


def trash_expander(workspace: Workspace) -> None:
    """The fold with what is in the trash; nothing where it is empty."""
    held = trash.trashed(workspace)
    if not held:
        return
    with st.expander(f"Trash · {count(len(held), 'run')}", key="trash"):
        for run in reversed(held):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(run.name), width="stretch")
                if st.button("Restore", key=f"restore-{run.id}"):
                    _restore(workspace, run.id)
                    st.rerun()
        if st.button("Empty the trash", icon=":material/delete_forever:", key="empty-trash"):
            open_dialog("trash")
    if dialog_subject("trash"):
        _confirm(workspace, len(held))


@st.dialog("Empty the trash?", on_dismiss=close_dialog)
def _confirm(workspace: Workspace, number: int) -> None:
    st.write(
        f"{count(number, 'run')} will be deleted for good, with the models and figures. "
        "This cannot be undone. Data sets stay."
    )
    with st.container(horizontal=True):
        if st.button("Delete for good", type="primary", key="really-empty"):
            trash.empty_trash(workspace)
            DELETED_RUNS.take()
            close_dialog()
            st.rerun()
        if st.button("Keep them", key="keep-trash"):
            close_dialog()
            st.rerun()


def _restore(workspace: Workspace, identifier: str) -> None:
    try:
        trash.restore(workspace, identifier)
    except MLError as error:
        RUNS_ERROR.send(str(error))
