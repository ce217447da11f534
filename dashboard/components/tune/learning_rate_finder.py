"""Learning rate finder: the range test of Tune, in an expander."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.charts import tuning as tuning_charts
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.plot import plot
from dashboard.components.widgets.progress_bar import job_bar
from dashboard.state import deep_links, redraw, selection
from dashboard.state.keys import fold_key
from dashboard.state.messages import WANTED_DATASET
from dashboard.state.navigation import TRAIN
from dashboard.state.page_states import TrainState, TuneState
from dashboard.state.stored import stored
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.workers.job import Job
from ml.config import TrainConfig
from ml.errors import BadInputError
from ml.models import catalog as model_catalog

TICK_SECONDS = 0.7


def learning_rate_finder(base: TrainConfig) -> None:
    """The fold; what is inside is drawn when it is opened. ``base``: what the form has chosen."""
    lazy_expander("Find a learning rate", fold_key("rate"), partial(_panel, base))


def _panel(base: TrainConfig) -> None:
    st.write(
        "The rate rises step by step while the model learns. Where the loss falls fastest is a "
        "good rate to train with. Only training pictures are looked at, and nothing is kept."
    )
    subject = (base.dataset, base.model)
    state = stored(TuneState)
    job = state.rate_job
    if job is not None:
        if job.running:
            st.fragment(_progress, run_every=TICK_SECONDS)(job)
            return
        _settle(job, subject)
    result = state.rate_found
    if result and result["asked"] == subject:
        _draw_result(result)
    label = "Test again" if result and result["asked"] == subject else "Test it"
    if st.button(label, key="rate-test", icon=":material/speed:"):
        command = ["tune", "--find", "rate", "--dataset", base.dataset, "--model", base.model]
        follow_up = {"asked": subject}
        job = Job(command, "Testing learning rates", follow_up)
        state.rate_job = job.start(current_workspace())
        st.rerun()


def _settle(job: Job, subject: tuple[str, str]) -> None:
    """Take what the child found. An error is told until it is tested again or something else is
    ``subject``."""
    state = stored(TuneState)
    try:
        state.rate_found = job.result() | job.follow_up
        state.rate_job = None
    except BadInputError as error:
        if job.follow_up["asked"] == subject:
            st.warning(plain(str(error)), icon=":material/error:")


def _draw_result(result: dict[str, Any]) -> None:
    dataset, model = result["asked"]
    rate = tuning_charts.value_text(float(result["pick"]))
    sentence = f"A rate of {rate} suits {model_catalog.get(model).label} on {dataset}"
    st.html(f'<h3 class="lens-card-title">{escape(sentence)}</h3>')
    plot(tuning_charts.rates(result), "tune-rates", alt=f"{sentence}: there the loss falls fast.")
    if st.button(f"Train with {rate}", key="rate-use", icon=":material/model_training:"):
        stored(TrainState).overrides.update(model=model, learning_rate=float(result["pick"]))
        WANTED_DATASET.send(dataset)
        selection.choose_run(None)
        deep_links.go_to(TRAIN)


def _progress(job: Job) -> None:
    if not job.running:
        redraw.request()
    with st.container(horizontal=True, vertical_alignment="center"):
        if job_bar(job, "cancel-rate"):
            stored(TuneState).rate_job = None
            st.rerun()
