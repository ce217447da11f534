"""Next step: the one button of Home, at first a training on bundled pictures."""

import streamlit as st

from dashboard.components.data.header import go_to_own_pictures
from dashboard.components.widgets.dataset_preview import dataset_preview
from dashboard.state import deep_links, selection
from dashboard.state.messages import DATASET_TO_TRAIN
from dashboard.state.navigation import CLASSIFY, TRAIN
from dashboard.text.wording import count
from dashboard.workers import engine
from ml.data import catalog
from ml.runs.folder import list_runs
from ml.workspace import Workspace


def next_step(workspace: Workspace) -> None:
    """A card with one primary button: the next step, whatever has been done so far."""
    runs = list_runs(workspace)
    live = [run for run in runs if engine.status(run).name in ("running", "queued")]
    usable = [run for run in runs if run.model is not None]
    with st.container(border=True, key="card-start"):
        if live:
            st.subheader("A training is under way", anchor=False)
            st.write("It goes on whether or not this page is open.")
            if st.button("Watch it learn", type="primary", key="start"):
                deep_links.go_to(TRAIN, run=live[0].id)
        elif usable:
            st.subheader("Your classifier is ready", anchor=False)
            st.write("Show it a picture that it has never seen, or train another.")
            with st.container(horizontal=True):
                if st.button("Try it on a picture", type="primary", key="start"):
                    deep_links.go_to(CLASSIFY, run=usable[-1].id)
                if st.button("Train another", key="start-other"):
                    selection.choose_run(None)
                    deep_links.go_to(TRAIN)
                _own_pictures_button(workspace)
        else:
            info = catalog.list_datasets(workspace)[0]
            st.subheader("Start here", anchor=False)
            st.write(
                f"{count(info.pictures, 'photo')} of things to recycle come with Lensmith. "
                "Train on them now: it takes about a minute, and you need to choose nothing."
            )
            dataset_preview(workspace, info)
            with st.container(horizontal=True):
                if st.button("Train on these photos", type="primary", key="start"):
                    DATASET_TO_TRAIN.send(info.name)
                    selection.choose_run(None)
                    deep_links.go_to(TRAIN)
                _own_pictures_button(workspace)


def _own_pictures_button(workspace: Workspace) -> None:
    if st.button("Use your own pictures", key="start-own"):
        go_to_own_pictures(workspace)
