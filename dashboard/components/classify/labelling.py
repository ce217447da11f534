"""Labelling by hand: ticked pictures join the data set of the run that answered, as a new
version."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from dashboard.actions import labelling
from dashboard.actions.edits import offer_undo
from dashboard.actions.labelling import LabellingTarget
from dashboard.components.data.ingest_progress import (
    ingest_progress,
    ingest_under_way,
    queue_ingest,
    report_ingest_error,
    settle_ingest,
)
from dashboard.components.data.upload import over_limit
from dashboard.components.evaluate.retrain_button import retrain_button
from dashboard.components.widgets.error_message import error_message
from dashboard.components.widgets.undo import undo_bar
from dashboard.state.keys import label_all_key, label_key, tick_key
from dashboard.state.page_states import ClassifyState, IngestState
from dashboard.state.stored import stored
from dashboard.state.widget_key import WidgetKey
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from dashboard.uploads.filters import label_of
from dashboard.uploads.session_uploads import Entry
from ml.runs.folder import Run
from ml.workspace import Workspace

MAX_NAME_LENGTH = 100


def current_target(workspace: Workspace, run: Run) -> LabellingTarget | None:
    """What pictures can be added to, after taking note of what was added just now."""
    job = stored(IngestState).job
    # Pictures may be on their way for another page, which has its own plans with them.
    if job is not None and job.follow_up.get("taught") and (follow_up := settle_ingest()):
        offer_undo(workspace, str(follow_up["into"]))
    return labelling.labelling_target(workspace, run)


def labelling_bar(
    workspace: Workspace,
    run: Run,
    target: LabellingTarget,
    all_entries: Sequence[Entry],
    page_entries: Sequence[Entry],
) -> None:
    """Draw what can be done with ticked pictures. ``all_entries`` are all, ``page_entries`` those
    on the page."""
    name, ready = target.version.name, target.ready(all_entries)
    taggable = [entry for entry in page_entries if entry["path"] and label_of(entry, run.id)]
    taggable = [entry for entry in taggable if entry["id"] not in target.there]
    with st.container(border=True, key="card-teach", gap="small"):
        st.markdown(_ready_sentence(len(ready), name))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button(
                f"Add {count(len(ready), 'picture')}" if ready else "Add",
                key="teach-add",
                type="primary" if ready else "secondary",
                disabled=not ready or ingest_under_way(),
            ):
                _add(workspace, name, ready)
            if ready:
                _label_all(target, ready)
            st.button(
                "Tick these",
                key="teach-tick",
                disabled=all(entry["ticked"] for entry in taggable),
                on_click=partial(_mark, taggable, run.id, True),
                help="The pictures on this page, each with the label that stands there.",
            )
            if ready:
                st.button(
                    "Untick all",
                    key="teach-none",
                    on_click=_mark,
                    args=(all_entries, run.id, False),
                )


def labelling_outcome(workspace: Workspace, run: Run, target: LabellingTarget) -> None:
    """Draw what became of pictures that were added: how many, a way back, and what comes next."""
    with st.container():  # always there, so that nothing below moves to a new place
        if stored(ClassifyState).labelled_dataset == target.version.name:
            ingest_progress()
            retrain_button(workspace, run, target.version)
        undo_bar(workspace, target.version)


def card_label(run: Run, target: LabellingTarget, entry: Entry) -> None:
    """On a card: its label, and whether it is to be added."""
    if entry["id"] in target.there:
        st.caption(f"It is in {plain(target.version.name)}.")
        return
    label = label_of(entry, run.id)
    if not label or entry["path"] is None:
        return
    label_field, tick = label_key(entry["id"]), tick_key(entry["id"])
    label_field.set(label)
    tick.set(entry["ticked"])
    options = list(dict.fromkeys([*target.classes, label]))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Label",
            options,
            key=label_field,
            on_change=_label_changed,
            args=(entry, label_field),
            accept_new_options=True,
        )
        st.checkbox(
            "Add",
            key=tick,
            on_change=_mark,
            args=([entry], run.id, not entry["ticked"]),
            help=f"Add it to {plain(target.version.name)} with this label.",
        )


def label_turn() -> int:
    """A number that is new whenever the server decides what is ticked or labelled."""
    return stored(ClassifyState).label_turn


def _ready_sentence(ready: int, name: str) -> str:
    if not ready:
        return (
            f"Is a label wrong? Put it right, tick what is right, and add it to {plain(name)}: the "
            "next training learns from it."
        )
    return (
        f"**{count(ready, 'picture')} ticked.** They join {plain(name)} as a new version, for "
        "training and validation. Its test pictures stay as they are."
    )


def _label_all(target: LabellingTarget, ready: Sequence[Entry]) -> None:
    """One label for all that is ticked, which may be a class of its own."""
    key = label_all_key(label_turn())
    st.selectbox(
        "Label of what is ticked",
        target.classes,
        index=None,
        key=key,
        placeholder="Label the ticked",
        label_visibility="collapsed",
        accept_new_options=True,
        width=170,
        on_change=_label_ticked,
        args=(ready, key),
    )


def _label_ticked(entries: Sequence[Entry], key: WidgetKey[Any]) -> None:
    if label := _typed_label(key):
        labelling.put_label(entries, label)
    _redraw_labels()


def _label_changed(entry: Entry, key: WidgetKey[Any]) -> None:
    if label := _typed_label(key):
        labelling.put_label([entry], label)
    _redraw_labels()


def _typed_label(key: WidgetKey[Any]) -> str:
    return " ".join(str(key.value(None) or "").split())[:MAX_NAME_LENGTH]


def _mark(entries: Sequence[Entry], run: str, ticked: bool) -> None:
    labelling.mark(entries, run, ticked)
    _redraw_labels()


def _redraw_labels() -> None:
    stored(ClassifyState).label_turn += 1


def _add(workspace: Workspace, name: str, ready: Sequence[Entry]) -> None:
    if refusal := over_limit([entry["size"] for entry in ready]):
        stored(ClassifyState).labelled_dataset = name
        report_ingest_error(refusal)
        st.rerun()
    with error_message():
        queue_ingest(labelling.job(workspace, name, ready))
        stored(ClassifyState).labelled_dataset = name
        st.rerun()
