"""Changing a set from a page: the edit is committed at once, and a bar takes it back."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.state.messages import REFUSED_CHANGE
from dashboard.state.page_states import EditState
from dashboard.state.stored import stored
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from ml.data.edits import edits as changes
from ml.data.store.versions import DatasetVersion, read_summary
from ml.errors import MLError
from ml.workspace import Workspace


def change(workspace: Workspace, version: DatasetVersion, edits: Sequence[dict[str, Any]]) -> None:
    """Commit ``edits`` to the version that the page shows, and draw the page anew.

    What was refused, because it makes no sense or somebody else was faster, is said in the bar.
    """
    try:
        made = changes.commit(workspace, version.name, list(edits), base=version.version)
        _note(workspace, version, made.version)
    except MLError as error:
        REFUSED_CHANGE.send((version.name, str(error)))
    st.rerun()


def bring_back(workspace: Workspace, version: DatasetVersion, number: int) -> None:
    """Make the older version ``number`` the newest again, and draw the page anew."""
    try:
        made = changes.restore(workspace, version.name, number)
        _note(workspace, version, made.version)
    except MLError as error:
        REFUSED_CHANGE.send((version.name, str(error)))
    st.rerun()


def offer_undo(workspace: Workspace, name: str) -> None:
    """Let the bar take back the newest version of a set, which something else has made."""
    made = read_summary(workspace, name)
    stored(EditState).last_change = {
        "name": name,
        "version": made.get("version"),
        "parent": made.get("parent"),
        "sentence": made.get("change", ""),
    }


def undo_bar(workspace: Workspace, version: DatasetVersion) -> None:
    """After a change made in this tab: what it was, and a button that takes it back.

    It stands at the foot of the window, wherever on the page the change was made.
    """
    with st.container():  # always there, so that nothing below moves to a new place
        name, refusal = REFUSED_CHANGE.take() or ("", "")
        if name == version.name:
            with st.container(key="bar-refused"):
                st.warning(plain(refusal), icon=":material/error:")
            return
        made = stored(EditState).last_change
        if not made or (made["name"], made["version"]) != (version.name, version.version):
            return
        with (
            st.container(border=True, key="card-bar-undo"),
            st.container(horizontal=True, vertical_alignment="center"),
        ):
            st.html(f'<p class="lens-told" role="status">{escape(made["sentence"])}</p>')
            if made["parent"] and st.button("Undo", key="undo-change", icon=":material/undo:"):
                bring_back(workspace, version, made["parent"])
            if st.button("Dismiss", key="dismiss-change", type="tertiary"):
                stored(EditState).last_change = None
                st.rerun()


def _note(workspace: Workspace, before: DatasetVersion, number: int) -> None:
    same = number == before.version
    sentence = read_summary(workspace, before.name, number).get("change", "")
    stored(EditState).last_change = {
        "name": before.name,
        "version": number,
        "parent": 0 if same else before.version,
        "sentence": "Nothing is different: it was so already." if same else sentence,
    }
