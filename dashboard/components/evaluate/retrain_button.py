"""Retrain button: the same training on the newest version of the run's pictures."""

import streamlit as st

from dashboard.actions.retrain import changed_since, retrain
from dashboard.state import deep_links
from dashboard.state.navigation import TRAIN
from dashboard.text.markdown import plain
from ml.data.store.versions import DatasetVersion, read_summary
from ml.errors import MLError
from ml.runs.folder import Run
from ml.workspace import Workspace


def retrain_button(workspace: Workspace, run: Run, version: DatasetVersion | None) -> None:
    """Draw the button, where ``version``, the newest of the set, is not what ``run`` knows."""
    if version is None or not changed_since(run, version):
        return
    last_change = str(read_summary(workspace, version.name, version.version).get("change") or "")
    with st.container(border=True, key=f"card-retrain-{run.id}", gap="small"):
        st.markdown(
            f"{plain(version.name)} has changed since this "
            f"run{': ' + plain(last_change) if last_change else '.'}"
        )
        if st.button("Retrain with the same settings", type="primary", key=f"retrain-{run.id}"):
            try:
                new_run = retrain(workspace, run, version)
            except MLError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            deep_links.go_to(TRAIN, run=new_run.id)
