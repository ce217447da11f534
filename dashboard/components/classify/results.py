"""Results of Classify: the uploaded pictures with the model's answers, as cards or as a table."""

import time
from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.actions.labelling import LabellingTarget
from dashboard.components.classify.labelling import current_target, labelling_bar, labelling_outcome
from dashboard.components.classify.live_camera import live_camera
from dashboard.components.classify.result_card import result_card
from dashboard.components.classify.results_header import TABLE, results_header
from dashboard.components.classify.results_page import results_page
from dashboard.components.classify.upload import upload
from dashboard.components.widgets.error_message import error_message
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored
from dashboard.state.tab import session_id
from dashboard.text.wording import count
from dashboard.uploads import session_uploads
from dashboard.uploads.session_uploads import Entry
from dashboard.workers import inference
from ml.runs.folder import Run
from ml.text import report_sentences
from ml.workspace import Workspace

PAGE = 12
PAUSE_AFTER_NEW_CARDS = 0.05
"""Seconds that the browser has for the cards of what was just answered. Else it would draw them
together with all others, whose places have moved, which takes it longer the more there are."""


def results(workspace: Workspace, run: Run, *, with_labelling: bool = False) -> None:
    """Draw it for a run that has a model.

    Args:
        with_labelling: whether pictures can be labelled by hand and added to the run's data set.
    """
    model = run.model or {}
    upload(workspace, run)
    live_camera(run)
    with st.container():  # always there, so that the cards below keep their place
        new_entries = _ask(run)
    target = current_target(workspace, run) if with_labelling else None
    held = session_uploads.entries()
    header = st.container()
    if held:
        with header:
            view = results_header(held, run)
        if view == TABLE:
            shown = results_page(workspace, run, held, target)
        else:
            shown = _cards(workspace, run, held, target, new_entries)
    with header:
        if held and target:
            labelling_bar(workspace, run, target, held, shown)
        if target:
            labelling_outcome(workspace, run, target)
    if not held:
        return
    st.caption(report_sentences.threshold(float(model["threshold"]), model.get("answers")))
    if rule := report_sentences.unlike(model.get("unlike")):
        st.caption(rule, help=report_sentences.unlike_method(model.get("unlike")) or None)


def _cards(
    workspace: Workspace,
    run: Run,
    entries: Sequence[Entry],
    target: LabellingTarget | None,
    new_entries: int,
) -> Sequence[Entry]:
    """The newest pictures as cards; those that are shown. The first ``new_entries`` of all are
    new."""
    state = stored(ClassifyState)
    limit = PAGE + state.more_cards
    with st.grid("auto", min_column_width=330):
        for place, entry in enumerate(entries[:limit]):
            if place and place == new_entries:
                time.sleep(PAUSE_AFTER_NEW_CARDS)
            result_card(workspace, run, target, entry)
    if len(entries) > limit and st.button(f"Show {min(PAGE, len(entries) - limit)} more"):
        state.more_cards += PAGE
        st.rerun()
    return entries[:limit]


def _ask(run: Run) -> int:
    """Ask the model about the pictures that it was not asked about; how many those were."""
    waiting = session_uploads.unanswered(run.id)
    if not waiting:
        return 0
    bar = st.progress(0.0, f"Looking at {count(len(waiting), 'picture')}")

    def show_progress(done: int, total: int) -> None:
        bar.progress(done / total, f"Looking at {done + 1} of {total}")

    with error_message():
        session_uploads.answer(
            run.id,
            partial(
                inference.client().classify,
                run.folder,
                top_k=session_uploads.TOP_K,
                visitor=session_id(),
            ),
            show_progress,
        )
    bar.empty()
    return len(waiting)
