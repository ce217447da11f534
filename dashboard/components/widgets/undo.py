"""Undo bar: the last edit of a data set in this tab, with a button that undoes it."""

import streamlit as st

from dashboard.actions.edits import restore_version
from dashboard.state.messages import REFUSED_CHANGE
from dashboard.state.page_states import EditState
from dashboard.state.stored import stored
from dashboard.state.tab import tab_state
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace


def undo_bar(workspace: Workspace, version: DatasetVersion) -> None:
    """After a change made in this tab: what it was, and a button that takes it back.

    It stands at the foot of the window, wherever on the page the change was made. It leaves with
    the page: on the next one it would be about something else, and in the way.
    """
    with st.container():  # always there, so that nothing below moves to a new place
        name, refusal = REFUSED_CHANGE.take() or ("", "")
        if name == version.name:
            with st.container(key="bar-refused"):
                st.warning(plain(refusal), icon=":material/error:")
            return
        change = stored(EditState).last_change
        if not change or (change["name"], change["version"]) != (
            version.name,
            version.version,
        ):
            return
        page = tab_state().page
        if change.setdefault("page", page) != page:
            stored(EditState).last_change = None
            return
        with (
            st.container(border=True, key="card-bar-undo"),
            st.container(horizontal=True, vertical_alignment="center"),
        ):
            st.html(f'<p class="lens-told" role="status">{escape(change["sentence"])}</p>')
            if change["parent"] and st.button("Undo", key="undo-change", icon=":material/undo:"):
                restore_version(workspace, version, change["parent"])
            if st.button("Dismiss", key="dismiss-change", type="tertiary"):
                stored(EditState).last_change = None
                st.rerun()
