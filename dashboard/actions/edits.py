"""Edits of a data set from a page: commit them at once, undo them, ignore a finding.

The bar that offers the undo is ``dashboard.components.widgets.undo``.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from dashboard.state.messages import REFUSED_CHANGE
from dashboard.state.page_states import EditState
from dashboard.state.stored import stored
from dashboard.text.changed_test import changed_test_sentence
from ml.data.edits import edits as dataset_edits
from ml.data.edits.compare import held_out_changes
from ml.data.store.versions import DatasetVersion, read_summary
from ml.doctor import stored_findings
from ml.errors import MLError
from ml.workspace import Workspace


def commit_edits(
    workspace: Workspace, version: DatasetVersion, edits: Sequence[dict[str, Any]]
) -> None:
    """Commit ``edits`` to the version that the page shows, and draw the page anew.

    The undo bar shows the sentence of an edit that was refused: it makes no sense, or another tab
    has changed the data set meanwhile.
    """
    _change(
        workspace,
        version,
        lambda: dataset_edits.commit(workspace, version.name, list(edits), base=version.version),
    )


def restore_version(workspace: Workspace, version: DatasetVersion, number: int) -> None:
    """Make the older version ``number`` the newest again, and draw the page anew."""
    _change(workspace, version, lambda: dataset_edits.restore(workspace, version.name, number))


def offer_undo(workspace: Workspace, name: str) -> None:
    """Let the undo bar take back the newest version of a data set, which something else made."""
    summary = read_summary(workspace, name)
    stored(EditState).last_change = {
        "name": name,
        "version": summary.get("version"),
        "parent": summary.get("parent"),
        "sentence": summary.get("change", ""),
    }


def ignore_finding(workspace: Workspace, version: DatasetVersion, key: str) -> None:
    """Have the doctor keep silent about the finding ``key``, and draw the page anew."""
    stored_findings.ignore(workspace, version.name, key)
    st.rerun()


def _change(
    workspace: Workspace, before: DatasetVersion, action: Callable[[], DatasetVersion]
) -> None:
    try:
        after = action()
        unchanged = after.version == before.version
        sentence = read_summary(workspace, before.name, after.version).get("change", "")
        if changes := held_out_changes(before, after):
            sentence = f"{sentence} {changed_test_sentence(**asdict(changes))}"
        stored(EditState).last_change = {
            "name": before.name,
            "version": after.version,
            "parent": 0 if unchanged else before.version,
            "sentence": "Nothing is different: it was so already." if unchanged else sentence,
        }
    except MLError as error:
        REFUSED_CHANGE.send((before.name, str(error)))
    st.rerun()
