"""Trash of runs: undo at once, restore later, delete for good after a question."""

import streamlit as st

from dashboard.actions import runs
from dashboard.state.messages import DELETED_RUNS
from dashboard.state.open_dialog import close_dialog, dialog_subject, open_dialog
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.runs import trash
from ml.workspace import Workspace


def undo_bar(workspace: Workspace) -> None:
    """After a deletion: the deleted runs, with a button that restores them."""
    in_trash = {run.id for run in trash.trashed(workspace)}
    deleted = [run for run in DELETED_RUNS.peek() or [] if run[0] in in_trash]
    if not deleted:
        return
    subject = plain(deleted[0][1]) if len(deleted) == 1 else count(len(deleted), "run")
    with (
        st.container(border=True, key="card-undo"),
        st.container(horizontal=True, vertical_alignment="center"),
    ):
        st.markdown(f"{subject} moved to the trash.", width="stretch")
        if st.button("Undo", key="undo", type="primary"):
            for identifier, _ in deleted:
                runs.restore(workspace, identifier)
            DELETED_RUNS.take()
            st.rerun()
        if st.button("Dismiss", key="dismiss", type="tertiary"):
            DELETED_RUNS.take()
            st.rerun()


def trash_expander(workspace: Workspace) -> None:
    """An expander with the runs in the trash; nothing where it is empty."""
    trashed_runs = trash.trashed(workspace)
    if not trashed_runs:
        return
    with st.expander(f"Trash · {count(len(trashed_runs), 'run')}", key="trash"):
        for run in reversed(trashed_runs):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(run.name), width="stretch")
                if st.button("Restore", key=f"restore-{run.id}"):
                    runs.restore(workspace, run.id)
                    st.rerun()
        if st.button("Empty the trash", icon=":material/delete_forever:", key="empty-trash"):
            open_dialog("trash")
    if dialog_subject("trash"):
        _confirm_emptying(workspace, len(trashed_runs))


@st.dialog("Empty the trash?", on_dismiss=close_dialog)
def _confirm_emptying(workspace: Workspace, number: int) -> None:
    st.write(
        f"{count(number, 'run')} will be deleted for good, with the models and figures. "
        "This cannot be undone. Data sets stay."
    )
    with st.container(horizontal=True):
        if st.button("Delete for good", type="primary", key="really-empty"):
            runs.empty_trash(workspace)
            close_dialog()
            st.rerun()
        if st.button("Keep them", key="keep-trash"):
            close_dialog()
            st.rerun()
