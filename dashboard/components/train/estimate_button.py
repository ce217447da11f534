"""Estimate button: measures the cost of a training (time, memory) by a short dry run."""

import json
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.state import redraw
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored
from dashboard.text.markdown import plain
from dashboard.workers.job import Job
from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.workspace import Workspace

TICK_SECONDS = 0.7


def estimate_button(workspace: Workspace, config: TrainConfig) -> None:
    """Draw it, or how far the measurement is; once that is done, the estimate rests on it."""
    state = stored(TrainState)
    job = state.estimate_job
    if job and job.running:
        st.fragment(_progress, run_every=TICK_SECONDS)(job)
        return
    if job:
        try:
            job.result()
        except BadInputError as error:  # stays until it is measured again, or the settings change
            if job.follow_up["settings"] == config.to_json():
                st.warning(plain(str(error)), icon=":material/error:")
        else:
            state.estimate_job = None
            redraw.request()
    if st.button(
        "Measure",
        key="measure-estimate",
        type="tertiary",
        icon=":material/timer:",
        help="Takes a few steps of this training with blank pictures.",
    ):
        state.estimate_job = _begin(workspace, config)
        st.rerun()


def _begin(workspace: Workspace, config: TrainConfig) -> Job:
    """The child; its settings go in a file, which goes when it has ended."""
    folder = Path(tempfile.mkdtemp(prefix="lensmith-estimate-"))
    settings: dict[str, Any] = config.to_json()
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    command = ["estimate", "--config", str(folder / "config.json")]
    return Job(command, "Measuring", {"settings": settings}, folder).start(workspace)


def _progress(job: Job) -> None:
    if not job.running:
        redraw.request()
    st.progress(job.progress, "Measuring")
