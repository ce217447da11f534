"""Run row: a line of the list of runs, with its score and a menu of actions."""

from functools import partial

import streamlit as st

from dashboard.actions import runs
from dashboard.components.train.run_state import status_pill
from dashboard.queries.run_list import Row
from dashboard.state import deep_links
from dashboard.state.keys import run_chosen_key, run_text_key
from dashboard.state.navigation import EVALUATE, TRAIN
from dashboard.state.page_states import RunsState
from dashboard.state.stored import stored
from dashboard.text.html import escape
from dashboard.text.markdown import percentage, plain, with_span
from dashboard.text.wording import ago, duration
from ml.runs.folder import default_name
from ml.workspace import Workspace, is_public

OPEN, TAKE_AWAY, RENAME, NOTE, STOP, RESUME, RETRY, DELETE = (
    "Open",
    "Take it away",
    "Rename",
    "Write a note",
    "Stop",
    "Resume",
    "Retry with the same settings",
    "Delete",
)


def menu_actions(row: Row) -> list[str]:
    """The actions on a run, in the order of its menu."""
    if row.damage:
        return [DELETE]
    if row.status == "running":
        return [OPEN, RENAME, NOTE, STOP]
    resume = [RESUME] if row.status in ("stopped", "interrupted", "failed") else []
    retry = [] if row.status == "queued" else [RETRY]
    take_away = [TAKE_AWAY] if row.accuracy is not None and not is_public() else []
    return [OPEN, *take_away, RENAME, NOTE, *resume, *retry, DELETE]


def run_row(workspace: Workspace, row: Row) -> None:
    """Draw the row. The box before it chooses the run for a comparison."""
    with (
        st.container(border=True, key=f"card-run-{row.id}", gap="small"),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        st.checkbox(
            f"Choose {plain(row.name)}",
            key=run_chosen_key(row.id),
            label_visibility="collapsed",
            disabled=bool(row.damage),
        )
        with st.container(gap=None, width="stretch"):
            _name(workspace, row)
            st.html(about(row))
        chosen = st.menu_button(
            "More",
            menu_actions(row),
            key=f"menu-{row.id}",
            type="tertiary",
        )
    if chosen:
        do_action(workspace, row, chosen)


def about(row: Row) -> str:
    """Status, score, data set, model, date and duration as HTML."""
    if row.damage:
        return (
            f'<div class="lens-row-about">{status_pill("failed", "Damaged")}'
            f"<span>{escape(row.damage)} Its folder is {escape(row.id)}.</span></div>"
        )
    pill = status_pill(row.status, "Stopping" if row.stopping else "")
    score = "" if row.accuracy is None else with_span(row.accuracy, row.interval)
    facts = [
        f'<strong title="Accuracy on the test pictures with its 95 % interval">{score}</strong>'
        if score
        else "",
        ""
        if row.validation is None
        else '<span title="Accuracy on the validation pictures: choose runs by it">validation '
        f"{percentage(row.validation)}</span>",
        *map(escape, _not_in_name(row)),
        escape(ago(row.created)),
        escape(duration(row.seconds)) if row.seconds is not None else "",
    ]
    spans = "".join(f"<span>{fact}</span>" for fact in facts if fact)
    reason = f'<p class="lens-quiet">{escape(row.reason)}</p>' if row.reason else ""
    notes = f'<p class="lens-note-text">{escape(row.notes)}</p>' if row.notes else ""
    return f'<div class="lens-row-about">{pill}{spans}</div>{reason}{notes}'


def _not_in_name(row: Row) -> list[str]:
    """Data set and model, unless the name is made of them."""
    named_by_them = row.name == default_name(row.dataset, row.model)
    return [] if named_by_them else [row.dataset, row.model]


def _name(workspace: Workspace, row: Row) -> None:
    """The title as a link, or the field that changes it, in the same place."""
    editing = stored(RunsState).editing
    for field, label in (("name", "Name"), ("notes", "Note")):
        if editing == (field, row.id):
            st.text_input(
                label,
                getattr(row, field),
                key=run_text_key(field, row.id),
                max_chars=80 if field == "name" else 400,
                on_change=partial(_save, workspace, row.id, field),
                placeholder="Press Enter to keep it",
            )
            st.button("Cancel", key=f"cancel-{row.id}", type="tertiary", on_click=_close)
            return
    if row.damage:
        st.markdown(f"**{plain(row.id)}**")
    elif st.button(f"**{plain(row.name)}**", key=f"open-{row.id}", type="tertiary"):
        do_action(workspace, row, OPEN)


def _close() -> None:
    stored(RunsState).editing = None


def _save(workspace: Workspace, identifier: str, field: str) -> None:
    text = " ".join((run_text_key(field, identifier).value(None) or "").split())
    _close()
    runs.update_meta(workspace, identifier, field, text)


def do_action(workspace: Workspace, row: Row, action: str) -> None:
    """Do what the menu says, then draw the page anew."""
    if action in (OPEN, TAKE_AWAY):  # Evaluate has it at its top
        deep_links.go_to(EVALUATE if row.accuracy is not None else TRAIN, run=row.id)
    elif action in (RENAME, NOTE):
        stored(RunsState).editing = ("name" if action == RENAME else "notes", row.id)
    elif action == STOP:
        runs.stop(workspace, row.id)
    elif action == RESUME:
        runs.resume(workspace, row.id)
    elif action == RETRY:
        runs.retry(workspace, row.id)
    elif action == DELETE:
        runs.delete(workspace, {row.id: row.name})
    st.rerun()
