"""Findings: the doctor's findings of a data set as cards, most harmful first."""

from typing import Any

import streamlit as st

from dashboard.actions.carried_findings import known_findings
from dashboard.components.data.finding_card import finding_card, open_suspects
from dashboard.components.data.ingest_progress import ingest_under_way
from dashboard.components.widgets.background_job import (
    begin_job,
    ended_job,
    job_progress,
    job_reason,
    job_running,
)
from dashboard.state.page_states import DatasetState
from dashboard.state.stored import stored
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.doctor.stored_findings import ignored, read_findings, unignore
from ml.workspace import Workspace

DOCTOR = "doctor"
TITLE = "Looking for what is wrong"
SHOWN_AT_FIRST = 4
"""Findings that are shown at first; the less harmful ones are a click away."""


def findings(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the findings of this version. A version that nobody has checked is checked now."""
    with st.container(key="findings"):
        reason = ended_job(workspace, version, DOCTOR)
        report = read_findings(workspace, version.name, version.version)
        if report is None and version.items:
            _check(workspace, version, reason)
        all_findings = known_findings(workspace, version)
        ignored_keys = ignored(workspace, version.name)
        shown = [one for one in all_findings if one["key"] not in ignored_keys]
        shown = [
            one for one in shown if not one["labels"] or open_suspects(version, one, ignored_keys)
        ]
        if report and not shown:
            st.html(
                '<p class="lens-quiet">The doctor looked at every picture: nothing to mend.</p>'
            )
        state = stored(DatasetState, version.name)
        limit = SHOWN_AT_FIRST + state.more_findings
        for finding in shown[:limit]:
            finding_card(workspace, version, finding, ignored_keys)
        if len(shown) > limit and st.button(
            f"Show {count(len(shown) - limit, 'more finding')}", key="more-findings"
        ):
            state.more_findings = len(shown) - SHOWN_AT_FIRST
            st.rerun()
        _ignored(workspace, version, [one for one in all_findings if one["key"] in ignored_keys])


def _check(workspace: Workspace, version: DatasetVersion, reason: str | None) -> None:
    """Progress while the doctor looks; a button where it was cancelled or failed."""
    if reason is None and not ingest_under_way():
        begin_job(workspace, version, DOCTOR, TITLE, asked=False)
        reason = ended_job(workspace, version, DOCTOR)
    if job_running(workspace, version, DOCTOR):
        job_progress(workspace, version, DOCTOR)
    elif reason is not None:
        job_reason(reason)
        if st.button("Look for what is wrong", key="check-again", icon=":material/troubleshoot:"):
            begin_job(workspace, version, DOCTOR, TITLE)
            st.rerun()


def _ignored(workspace: Workspace, version: DatasetVersion, passed: list[dict[str, Any]]) -> None:
    if not passed:
        return
    with st.expander(f"{count(len(passed), 'ignored finding')}", key="ignored-findings"):
        for finding in passed:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(finding["title"]), width="stretch")
                if st.button("Take back", key=f"unignore-{finding['key']}"):
                    unignore(workspace, version.name, finding["key"])
                    st.rerun()
