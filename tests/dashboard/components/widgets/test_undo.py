"""The undo bar leaves with the page on which the change was made."""

import pytest
from streamlit.testing.v1 import AppTest

from ml.workspace import Workspace
from tests.helpers import made_up_runs


def page(folder: str, shown: str) -> None:
    from pathlib import Path

    import streamlit as st

    from dashboard.components.widgets.undo import undo_bar
    from dashboard.state.page_states import EditState
    from dashboard.state.shown_page import note_page
    from dashboard.state.stored import stored
    from ml.data.store.versions import load_version
    from ml.workspace import Workspace

    workspace = Workspace(Path(folder))
    version = load_version(workspace, "made")
    note_page(shown)
    if not st.session_state.get("changed"):
        st.session_state["changed"] = True
        stored(EditState).last_change = {
            "name": version.name,
            "version": version.version,
            "sentence": "3 labels were mended.",
            "parent": 0,
        }
    undo_bar(workspace, version)


def test_the_note_of_a_change_does_not_come_back_on_the_next_page(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LENSMITH_WORKSPACE", str(workspace.root))
    made_up_runs.dataset(workspace)

    def drawn(at: AppTest, shown: str) -> bool:
        at.args = (str(workspace.root), shown)
        at.run()
        assert not at.exception
        return any("3 labels were mended." in html.value for html in at.html)

    at = AppTest.from_function(page, args=(str(workspace.root), "data"), default_timeout=30)
    assert drawn(at, "data")
    assert drawn(at, "data"), "it stays as long as the page does"
    assert not drawn(at, "evaluate")
    assert not drawn(at, "data"), "it was dealt with"
