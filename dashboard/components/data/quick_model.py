"""Quick model (instant mode): its score after each edit of a data set, and the guesses that
changed."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import streamlit as st

from dashboard.components.widgets.background_job import (
    begin_job,
    ended_job,
    job_progress,
    job_reason,
    job_running,
)
from dashboard.components.widgets.tile_grid import tile, tile_grid
from dashboard.state import redraw
from dashboard.state.page_states import QuickModelState
from dashboard.state.stored import stored
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import count, percentage
from dashboard.workers.inference import fitter
from ml.data.store.versions import DatasetVersion
from ml.errors import MLError
from ml.features.quick_model import MAX_PICTURES
from ml.workspace import Workspace

KIND = "instant"
ON = "instant-on"
TICK_SECONDS = 0.3
HELP = (
    "A quick model, a new last layer on what EfficientNet-Lite0 sees, is fitted again after each "
    "change. Each training and validation picture is guessed by a model that has not seen it. "
    "The test pictures take no part."
)


@st.cache_resource(show_spinner=False)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, thread_name_prefix="instant")


def quick_model(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the switch and, while it is on, the score and the guesses that the last edit changed."""
    with st.container(border=True, key="card-instant"):
        on = st.toggle("Instant mode", key=ON, help=HELP, persist_state="session")
        if not on:
            st.html(
                '<p class="lens-quiet">See after each change how well a quick model tells your '
                "classes apart, and which guesses changed.</p>"
            )
            return
        answer = _requested_answer(workspace, version)
        st.fragment(_draw_answer, run_every=None if answer.done() else TICK_SECONDS)(
            workspace, version
        )


def _requested_answer(workspace: Workspace, version: DatasetVersion) -> "Future[dict[str, Any]]":
    """The future answer for this version, requested once; the page does not wait for it."""
    state = stored(QuickModelState)
    dataset = (version.name, version.fingerprint)
    if state.answer is None or state.dataset != dataset:
        same = state.dataset is not None and state.dataset[0] == version.name
        state.compared_with = state.version if same else 0
        state.dataset, state.version, state.asked_again = dataset, version.version, False
        state.answer = _submit(workspace, version, state.compared_with)
    return state.answer


def _submit(
    workspace: Workspace, version: DatasetVersion, compared_with: int
) -> "Future[dict[str, Any]]":
    """Have the quick model fitted to ``version``, in a thread."""
    return _threads().submit(
        fitter().compare_versions, workspace.root, version.name, version.version, compared_with
    )


def _draw_answer(workspace: Workspace, version: DatasetVersion) -> None:
    """The answer as far as it is there."""
    state = stored(QuickModelState)
    answer = state.answer
    if answer is None or state.dataset != (version.name, version.fingerprint):
        return
    if not answer.done():
        st.html('<p class="lens-quiet" role="status">Fitting</p>')
        state.waited = True
        return
    if state.waited:
        state.waited = False
        redraw.request()  # the clock of this part of the page can stop
    try:
        result = answer.result()
    except MLError as error:
        st.warning(plain(str(error)), icon=":material/error:")
        return
    if "lacking" in result:
        _prepare(workspace, version, int(result["lacking"]))
        return
    _score(result)
    _changes(workspace, version, result)


def _prepare(workspace: Workspace, version: DatasetVersion, lacking: int) -> None:
    """Features of many pictures are computed by a child, once."""
    reason = ended_job(workspace, version, KIND)
    if reason is None:
        if not job_running(workspace, version, KIND):
            title = f"Looking at {count(lacking, 'new picture')}"
            begin_job(workspace, version, KIND, title)
        if job_running(workspace, version, KIND):
            job_progress(workspace, version, KIND)
            return
    job_reason(reason or "")
    state = stored(QuickModelState)
    if reason == "" and not state.asked_again:
        state.answer = _submit(workspace, version, state.compared_with)
        state.asked_again = True
        redraw.request()
        return
    if st.button("Try again", key="instant-again", icon=":material/refresh:"):
        state.answer = state.dataset = None
        begin_job(workspace, version, KIND, f"Looking at {count(lacking, 'new picture')}")
        st.rerun()


def _score(result: dict[str, Any]) -> None:
    """The score in a sentence, with its interval and what it was before."""
    share, low, high = (percentage(result[name], digits=0) for name in ("accuracy", "low", "high"))
    interval = f"{low.removesuffix('%').strip()} to {high.removesuffix('%').strip()}"
    text = (
        f"<b>{escape(share)}</b> ({escape(interval)}) of {count(result['pictures'], 'picture')} "
        f"are "
        "guessed right by a model that has not seen them."
    )
    before = result["before"]
    if before:
        earlier, current = percentage(before["then"], digits=1), percentage(before["now"], digits=1)
        text += (
            f" On the {count(before['common'], 'picture')} that were there before as well: "
            f"{escape(earlier)} before the change, {escape(current)} now."
        )
    if result["left_out"]:
        over_limit = (
            f" and all beyond {MAX_PICTURES:,}" if result["pictures"] >= MAX_PICTURES else ""
        )
        left_out = count(result["left_out"], "picture")
        text += f" {left_out} took no part: those of the test{over_limit}."
    st.html(f'<p role="status" class="lens-instant">{text}</p>')


def _changes(workspace: Workspace, version: DatasetVersion, result: dict[str, Any]) -> None:
    """Pictures whose guess is another one since the change."""
    if not result["before"]:
        return
    number = int(result["changed_count"])
    if not number:
        st.html('<p class="lens-quiet">No guess changed.</p>')
        return
    tiles = []
    for change in result["changed"]:
        note = f"{change['was']} → {change['now']}"
        picture_tile = tile(workspace, version, int(change["item"]), note=note)
        tiles.append({**picture_tile, "badge": "" if change["right"] else "wrong now"})
    more = f", {len(tiles)} of them here" if number > len(tiles) else ""
    st.html(f'<p class="lens-quiet">{count(number, "guess", "guesses")} changed{more}.</p>')
    tile_grid(tiles, "Pictures whose guess changed", "instant-changed", token=version.fingerprint)
