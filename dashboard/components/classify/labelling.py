"""Labels by hand: what is ticked joins the data set of the run that answered, as a new version."""

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

LONGEST_NAME = 100


def current_target(workspace: Workspace, run: Run) -> LabellingTarget | None:
    """What pictures can be added to, after taking note of what was added just now."""
    job = stored(IngestState).job
    # Pictures may be on their way for another page, which has its own plans with them.
    if job is not None and job.then.get("taught") and (then := settle_ingest()):
        offer_undo(workspace, str(then["into"]))
    return labelling.labelling_target(workspace, run)


def labelling_bar(
    workspace: Workspace,
    run: Run,
    lesson: LabellingTarget,
    held: Sequence[Entry],
    shown: Sequence[Entry],
) -> None:
    """Draw what can be done with ticked pictures. ``held`` are all, ``shown`` those on the page."""
    name, ready = lesson.version.name, lesson.ready(held)
    free = [entry for entry in shown if entry["path"] and label_of(entry, run.id)]
    free = [entry for entry in free if entry["id"] not in lesson.there]
    with st.container(border=True, key="card-teach", gap="small"):
        st.markdown(_sentence(len(ready), name))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button(
                f"Add {count(len(ready), 'picture')}" if ready else "Add",
                key="teach-add",
                type="primary" if ready else "secondary",
                disabled=not ready or ingest_under_way(),
            ):
                _add(workspace, name, ready)
            if ready:
                _label_all(lesson, ready)
            st.button(
                "Tick these",
                key="teach-tick",
                disabled=all(entry["ticked"] for entry in free),
                on_click=partial(_mark, free, run.id, True),
                help="The pictures on this page, each with the label that stands there.",
            )
            if ready:
                st.button(
                    "Untick all", key="teach-none", on_click=_mark, args=(held, run.id, False)
                )


def labelling_outcome(workspace: Workspace, run: Run, lesson: LabellingTarget) -> None:
    """Draw what became of pictures that were added: how many, a way back, and what comes next."""
    with st.container():  # always there, so that nothing below moves to a new place
        if stored(ClassifyState).labelled_dataset == lesson.version.name:
            ingest_progress()
            retrain_button(workspace, run, lesson.version)
        undo_bar(workspace, lesson.version)


def card_label(run: Run, lesson: LabellingTarget, entry: Entry) -> None:
    """On a card: its label, and whether it is to be added."""
    if entry["id"] in lesson.there:
        st.caption(f"It is in {plain(lesson.version.name)}.")
        return
    label = label_of(entry, run.id)
    if not label or entry["path"] is None:
        return
    label_field, tick = label_key(entry["id"]), tick_key(entry["id"])
    label_field.set(label)
    tick.set(entry["ticked"])
    options = list(dict.fromkeys([*lesson.classes, label]))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.selectbox(
            "Label",
            options,
            key=label_field,
            on_change=_labelled,
            args=(entry, label_field),
            accept_new_options=True,
        )
        st.checkbox(
            "Add",
            key=tick,
            on_change=_mark,
            args=([entry], run.id, not entry["ticked"]),
            help=f"Add it to {plain(lesson.version.name)} with this label.",
        )


def label_turn() -> int:
    """A number that is new whenever the server decides what is ticked or labelled."""
    return stored(ClassifyState).label_turn


def _sentence(ready: int, name: str) -> str:
    if not ready:
        return (
            f"Is a label wrong? Put it right, tick what is right, and add it to {plain(name)}: the "
            "next training learns from it."
        )
    return (
        f"**{count(ready, 'picture')} ticked.** They join {plain(name)} as a new version, for "
        "training and validation. Its test pictures stay as they are."
    )


def _label_all(lesson: LabellingTarget, ready: Sequence[Entry]) -> None:
    """One label for all that is ticked, which may be a class of its own."""
    key = label_all_key(label_turn())
    st.selectbox(
        "Label of what is ticked",
        lesson.classes,
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
    if label := _name(key):
        labelling.put_label(entries, label)
    _decided()


def _labelled(entry: Entry, key: WidgetKey[Any]) -> None:
    if label := _name(key):
        labelling.put_label([entry], label)
    _decided()


def _name(key: WidgetKey[Any]) -> str:
    return " ".join(str(key.value(None) or "").split())[:LONGEST_NAME]


def _mark(entries: Sequence[Entry], run: str, ticked: bool) -> None:
    labelling.mark(entries, run, ticked)
    _decided()


def _decided() -> None:
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
