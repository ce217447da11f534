"""Explorer: search, filter, sort and select all pictures of a data set, and edit them."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.actions.carried_findings import known_findings
from dashboard.components.data.edit_classes import edit_classes
from dashboard.components.widgets.picture_page import forget_selection, picture_page
from dashboard.queries.datasets import ORDERS, SIDES, Query, places
from dashboard.state.keys import (
    EXPLORER_CLASS,
    EXPLORER_FINDING,
    EXPLORER_ORDER,
    EXPLORER_SIDE,
    EXPLORER_STATE,
    EXPLORER_TEXT,
)
from dashboard.state.messages import FINDING_TO_SHOW
from dashboard.state.page_states import ExplorerState
from dashboard.state.stored import stored
from dashboard.text.wording import count, number, unique
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

KEY = "explorer"
ANY = -1
ANYTHING = "Anything"
STATES = {"All": None, "In use": False, "Excluded": True}


@st.fragment
def explorer(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw filters, actions and a page of pictures."""
    if not version.items:
        st.caption("There is no picture yet. Drop some on a class above.")
        return
    by_key = {one["key"]: one for one in known_findings(workspace, version) if one["items"]}
    reveal = _reveal_finding(by_key)
    query = _query(workspace, version, by_key)
    shown = places(workspace, version, query)
    finding_key = query.finding["key"] if query.finding else None
    filters = (version.name, query.text, query.label, query.side, query.excluded, finding_key)
    state = stored(ExplorerState)
    if state.query not in (None, filters):
        forget_selection(KEY)
    state.query = filters
    if not shown:
        st.caption("No picture fits. Widen the search.")
        return
    st.html(f'<p class="lens-count" role="status">{count(len(shown), "picture")}</p>')
    notes = _picture_notes(query.finding) if query.finding else {}
    picture_page(workspace, version, shown, KEY, notes=notes, reveal=reveal)


def _reveal_finding(by_key: Mapping[str, Mapping[str, Any]]) -> str:
    """Filter by the finding whose "See the pictures" was pressed, and drop the other filters.

    Returns a token that is new with each such press; "" before the first."""
    state, finding_key = stored(ExplorerState), FINDING_TO_SHOW.take()
    if finding_key is not None and finding_key in by_key:
        for filter_key in (EXPLORER_TEXT, EXPLORER_SIDE, EXPLORER_STATE, EXPLORER_ORDER):
            filter_key.forget()
        EXPLORER_CLASS.forget()
        EXPLORER_FINDING.set(finding_key)
        state.reveal_turn += 1
    return str(state.reveal_turn or "")


def _query(
    workspace: Workspace, version: DatasetVersion, by_key: Mapping[str, Mapping[str, Any]]
) -> Query:
    """The filters, in a row that wraps."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="explorer-filters"):
        text = st.text_input(
            "File name", key=EXPLORER_TEXT, placeholder="Any", width=170, live=True
        )
        if EXPLORER_CLASS.value(ANY) not in range(len(version.classes)):
            EXPLORER_CLASS.set(ANY)
        class_names = unique({str(n): name for n, name in enumerate(version.classes)})
        label = st.selectbox(
            "Class",
            [ANY, *range(len(version.classes))],
            format_func=lambda n: "All" if n == ANY else class_names[str(n)],
            key=EXPLORER_CLASS,
            width=170,
        )
        side = st.selectbox(
            "Used for",
            [ANYTHING, *SIDES],
            format_func=lambda key: SIDES.get(key, ANYTHING),
            key=EXPLORER_SIDE,
            width=130,
        )
        state = st.selectbox("Excluded or not", list(STATES), key=EXPLORER_STATE, width=130)
        finding = ANYTHING
        if by_key:
            if EXPLORER_FINDING.value(ANYTHING) not in by_key:
                EXPLORER_FINDING.set(ANYTHING)
            titles = unique({key: str(item["title"]) for key, item in by_key.items()})
            finding = st.selectbox(
                "Finding",
                [ANYTHING, *by_key],
                format_func=lambda key: titles.get(key, ANYTHING),
                key=EXPLORER_FINDING,
                width=200,
            )
        order = ORDERS[0]
        if finding == ANYTHING:
            order = st.selectbox("Sort", ORDERS, key=EXPLORER_ORDER, width=180)
        edit_classes(workspace, version)
    return Query(
        text,
        None if label == ANY else label,
        None if side == ANYTHING else side,
        STATES[state],
        by_key.get(finding),
        order,
    )


def _picture_notes(finding: Mapping[str, Any]) -> dict[int, str]:
    """The note under each picture of a finding: the suggested label, or else the score."""
    notes = {int(n): number(float(score)) for n, score in finding["scores"].items()}
    return notes | {int(n): f"perhaps {label}" for n, label in finding["labels"].items()}
