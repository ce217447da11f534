"""Many answers: filtered, in order, a page at a time, labelled and ticked in a table."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.actions.labelling import LabellingTarget
from dashboard.components.classify.labelling import LONGEST_NAME, label_turn
from dashboard.components.classify.result_card import result_dialog
from dashboard.components.classify.results_table import Marks, results_table
from dashboard.state.open_dialog import dialog_subject, open_dialog
from dashboard.text.wording import count
from dashboard.uploads.filters import (
    BY_LABEL,
    LEAST_SURE_FIRST,
    ORDERS,
    VERDICTS,
    Query,
    counts,
    filtered,
    label_of,
)
from dashboard.uploads.session_uploads import Entry
from ml.runs.folder import Run
from ml.workspace import Workspace

PAGE = 50
ANY = ""


def results_page(
    workspace: Workspace, run: Run, held: Sequence[Entry], lesson: LabellingTarget | None
) -> Sequence[Entry]:
    """Draw the filters and a page of the table; the pictures on it. What is ticked or labelled
    there is noted in the entries."""
    query = _query(held, run)
    found = filtered(held, run.id, query)
    if not found:
        st.caption("No picture fits. Widen the filter.")
    table = st.container()
    pages = max(1, -(-len(found) // PAGE))
    number = min(pages, st.pagination(pages, key=f"answers-page-{pages}")) if pages > 1 else 1
    shown = found[(number - 1) * PAGE : number * PAGE]
    groups = _groups(shown, found, run) if query.order == BY_LABEL else []
    with table:
        opened = results_table(
            shown,
            run.id,
            "answer-table",
            _token(run, lesson, shown, groups),
            title=f"{count(len(found), 'picture')}, page {number} of {pages}",
            note=partial(_note, held),
            groups=groups,
            classes=lesson.classes if lesson else None,
            there=lesson.there if lesson else frozenset(),
        )
    if opened:
        open_dialog("answer", opened)
    looked_at = dialog_subject("answer")
    for entry in shown:
        if entry["id"] == looked_at:
            result_dialog(workspace, run, entry)
    return shown


def _query(held: Sequence[Entry], run: Run) -> Query:
    """What the filters ask for."""
    found = counts(held, run.id)
    with st.container(horizontal=True, vertical_alignment="bottom", key="answer-filters"):
        order = st.selectbox("Order", ORDERS, key="answers-order", width=170)
        label = st.selectbox(
            "Label",
            [ANY, *found],
            key="answers-label",
            format_func=lambda name: f"{name} ({found[name]:,})" if name in found else "All labels",
            width=190,
        )
        verdict = st.selectbox(
            "Verdict",
            [ANY, *VERDICTS],
            key="answers-verdict",
            format_func=lambda name: name or "All verdicts",
            width=150,
        )
        text = st.text_input("Name", key="answers-text", placeholder="Part of it", width=150)
    label = label if label in found else ANY
    return Query(text, str(label or ANY), str(verdict or ANY), str(order or LEAST_SURE_FIRST))


def _groups(shown: Sequence[Entry], found: Sequence[Entry], run: Run) -> list[str]:
    """For each picture what stands above it: the label and how many have it, where one begins."""
    many = counts(found, run.id)
    heads, last = [], None
    for entry in shown:
        label = label_of(entry, run.id)
        words = f"{label}: {count(many[label], 'picture')}" if label else "Without a label"
        heads.append("" if label == last else words)
        last = label
    return heads


def _token(
    run: Run, lesson: LabellingTarget | None, shown: Sequence[Entry], groups: Sequence[str]
) -> str:
    """New whenever the table shows something else that the browser has not done itself."""
    known = lesson.version.fingerprint if lesson else ""
    answered = [run.id in entry["answers"] for entry in shown]
    return repr((run.id, known, label_turn(), [entry["id"] for entry in shown], answered, groups))


def _note(held: Sequence[Entry], marks: Marks) -> None:
    """Take over what was done in the table."""
    for entry in held:
        if label := " ".join(marks.labels.get(entry["id"], "").split())[:LONGEST_NAME]:
            entry["label"] = label
        if entry["id"] in marks.ticked:
            entry["ticked"] = True
        elif entry["id"] in marks.unticked:
            entry["ticked"] = False
