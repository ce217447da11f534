"""Search form: what a hyperparameter search varies, and for how long."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.charts.tuning import setting_label
from dashboard.components.data.ingest_progress import (
    ingest_progress,
    ingest_under_way,
    settle_ingest,
    start_ingest,
)
from dashboard.components.widgets import config_fields
from dashboard.queries.cost_estimate import expected_cost
from dashboard.state import selection
from dashboard.state.messages import SEARCH_TO_START
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import count, roughly, unique
from dashboard.workers import searches
from ml import presets
from ml.config import TrainConfig
from ml.data import catalog
from ml.data.catalog import DatasetInfo
from ml.data.sources.folders import BUNDLED
from ml.errors import BadInputError
from ml.models import catalog as model_catalog
from ml.tuning.new_search import DEFAULT_MINUTES, new_sweep
from ml.tuning.search_space import default_fields, searchable

MIN_TRIALS_FOR_SEARCH = 4
"""Where fewer trials fit, a search tells hardly anything."""


def tune_form() -> TrainConfig | None:
    """The form. Returns the settings that a search would start from; None while there are none."""
    settle_ingest()
    ingest_progress()
    if ingest_under_way():
        return None
    infos = {info.name: info for info in catalog.list_datasets(current_workspace())}
    request = SEARCH_TO_START.take()
    if request and infos[request["base"]["dataset"]].ready:
        _start_search(request)  # the pictures that it waited for are there
    with st.container(border=True, key="card-tune"):
        info = _choose(infos)
        model = st.selectbox(
            "Model",
            model_catalog.names(),
            index=model_catalog.names().index(presets.default_model(info)),
            format_func=config_fields.model_label,
            key=f"tune-model-{info.name}",
            help="Each trial trains this model; the search finds settings that suit it.",
        )
        try:
            base = presets.configuration(info.name, info, model=model)
        except BadInputError as error:
            st.warning(plain(str(error)), icon=":material/error:")
            return None
        request = _search_settings(base)
        _time_sentence(base, info, request)
        ready = bool(request["fields"])
        if st.button("Start the search", type="primary", key="tune-start", disabled=not ready):
            if info.ready:
                _start_search(request)
            SEARCH_TO_START.send(request)
            start_ingest(BUNDLED / info.name, {"tune": True})
            st.rerun()
    return base


def _choose(infos: Mapping[str, DatasetInfo]) -> DatasetInfo:
    current = selection.current_data()
    labels = unique({name: f"{info.title} · {info.pictures:,}" for name, info in infos.items()})
    names = list(infos)
    chosen = st.selectbox(
        "Pictures",
        names,
        index=names.index(current) if current and current in infos else 0,
        format_func=lambda name: f"{labels.get(name, name)} pictures",
        key="tune-dataset",
        persist_state="session",
        help="The search never sees the test pictures among them: the result is told on those.",
    )
    return infos[chosen]


def _search_settings(base: TrainConfig) -> dict[str, Any]:
    """What is to be searched, and the limits."""
    chosen = st.multiselect(
        "Settings to search",
        searchable(base),
        default=default_fields(base),
        format_func=setting_label,
        key=f"tune-fields-{base.dataset}-{base.model}",
        help="The fewer they are, the more closely each is searched in the same time.",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        minutes = st.number_input(
            "Time (minutes)",
            min_value=0.5,
            max_value=1440.0,
            value=DEFAULT_MINUTES,
            step=5.0,
            format="%g",
            key="tune-minutes",
            help="For everything: trials, and the test at the end. You may stop it at any time.",
        )
        trials = st.number_input(
            "Number of trials, at most",
            min_value=1,
            max_value=1000,
            value=None,
            step=1,
            placeholder="No limit",
            key="tune-trials",
            help="The settings it starts from are the first. Empty: the time alone is the limit.",
        )
    return {
        "base": base.to_json(),
        "fields": chosen,
        "seconds": 60 * float(minutes),
        "trials": int(trials or 0),
    }


def _time_sentence(base: TrainConfig, info: DatasetInfo, request: Mapping[str, Any]) -> None:
    """What fits into the time, from the estimate for one training."""
    cost = expected_cost(current_workspace(), base, info.pictures)
    trials = int(request["seconds"] / max(1.0, cost.seconds))
    sentence = (
        f"One training takes about {roughly(cost.seconds)} ({cost.basis}), so there is time for "
        f"about {count(trials, 'trial')}."
    )
    if base.frozen:
        sentence += " Usually for more: what the first one learns about each picture is kept."
    elif trials < MIN_TRIALS_FOR_SEARCH:
        sentence += " That is too few to find much: give it more time, or choose a smaller model."
    st.html(f'<p class="lens-quiet">{escape(sentence)}</p>')


def _start_search(request: Mapping[str, Any]) -> None:
    """Make the search, start its child and take it in hand."""
    workspace, base = current_workspace(), TrainConfig.from_json(request["base"])
    limits = {"seconds": request["seconds"], "trials": request["trials"]}
    sweep = new_sweep(workspace, base, fields=request["fields"], **limits)
    searches.start(workspace, sweep)
    selection.choose_sweep(sweep.id)
    st.rerun()
