"""Page of results: filters, sort order and pagination of the results table."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.actions.labelling import LabellingTarget
from dashboard.components.classify.labelling import MAX_NAME_LENGTH, label_turn
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
    workspace: Workspace, run: Run, entries: Sequence[Entry], target: LabellingTarget | None
) -> Sequence[Entry]:
    """Draw the filters and a page of the table; the pictures on it. What is ticked or labelled
    there is noted in the entries."""
    query = _query(entries, run)
    matching = filtered(entries, run.id, query)
    if not matching:
        st.caption("No picture fits. Widen the filter.")
    table = st.container()
    pages = max(1, -(-len(matching) // PAGE))
    number = min(pages, st.pagination(pages, key=f"answers-page-{pages}")) if pages > 1 else 1
    shown = matching[(number - 1) * PAGE : number * PAGE]
    groups = _groups(shown, matching, run) if query.order == BY_LABEL else []
    with table:
        opened = results_table(
            shown,
            run.id,
            "answer-table",
            _token(run, target, shown, groups),
            title=f"{count(len(matching), 'picture')}, page {number} of {pages}",
            note=partial(_note, entries),
            groups=groups,
            classes=target.classes if target else None,
            there=target.there if target else frozenset(),
        )
    if opened:
        open_dialog("answer", opened)
    looked_at = dialog_subject("answer")
    for entry in shown:
        if entry["id"] == looked_at:
            result_dialog(workspace, run, entry)
    return shown


def _query(entries: Sequence[Entry], run: Run) -> Query:
    """What the filters ask for."""
    label_counts = counts(entries, run.id)
    with st.container(horizontal=True, vertical_alignment="bottom", key="answer-filters"):
        order = st.selectbox("Order", ORDERS, key="answers-order", width=170)
        label = st.selectbox(
            "Label",
            [ANY, *label_counts],
            key="answers-label",
            format_func=lambda name: (
                f"{name} ({label_counts[name]:,})" if name in label_counts else "All labels"
            ),
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
    label = label if label in label_counts else ANY
    return Query(text, str(label or ANY), str(verdict or ANY), str(order or LEAST_SURE_FIRST))


def _groups(shown: Sequence[Entry], matching: Sequence[Entry], run: Run) -> list[str]:
    """For each picture what stands above it: the label and how many have it, where one begins."""
    label_counts = counts(matching, run.id)
    headings, previous = [], None
    for entry in shown:
        label = label_of(entry, run.id)
        heading = (
            f"{label}: {count(label_counts[label], 'picture')}" if label else "Without a label"
        )
        headings.append("" if label == previous else heading)
        previous = label
    return headings


def _token(
    run: Run, target: LabellingTarget | None, shown: Sequence[Entry], groups: Sequence[str]
) -> str:
    """New whenever the table shows something else that the browser has not done itself."""
    known = target.version.fingerprint if target else ""
    answered = [run.id in entry["answers"] for entry in shown]
    return repr((run.id, known, label_turn(), [entry["id"] for entry in shown], answered, groups))


def _note(entries: Sequence[Entry], marks: Marks) -> None:
    """Take over what was done in the table."""
    for entry in entries:
        if label := " ".join(marks.labels.get(entry["id"], "").split())[:MAX_NAME_LENGTH]:
            entry["label"] = label
        if entry["id"] in marks.ticked:
            entry["ticked"] = True
        elif entry["id"] in marks.unticked:
            entry["ticked"] = False
