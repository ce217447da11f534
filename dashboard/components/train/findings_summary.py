"""Findings summary: which version of the pictures Train uses, and the doctor's findings in it."""

import streamlit as st

from dashboard.state import deep_links
from dashboard.state.navigation import DATA
from dashboard.text.html import escape
from dashboard.text.wording import count
from ml.data.catalog import DatasetInfo
from ml.data.store.versions import latest
from ml.doctor.stored_findings import ignored, read_findings
from ml.workspace import Workspace


def findings_summary(workspace: Workspace, info: DatasetInfo) -> None:
    """Draw the row. A set that was not brought in yet has no version and no findings."""
    version = latest(workspace, info.name)
    if not version:
        return
    sentence, label = _sentence_and_label(workspace, info.name, version)
    with st.container(horizontal=True, vertical_alignment="center", key="findings-row"):
        st.html(f'<p class="lens-quiet">Version {version}. {escape(sentence)}</p>')
        if st.button(label, key="to-findings", type="tertiary", icon=":material/arrow_forward:"):
            deep_links.go_to(DATA, data=info.name)


def _sentence_and_label(workspace: Workspace, name: str, version: int) -> tuple[str, str]:
    """What is known of the version, and what the button says."""
    report = read_findings(workspace, name, version)
    if report is None:
        return "Nobody has looked for what is wrong with it yet.", "Look now"
    ignored_keys = ignored(workspace, name)
    open_findings = [one for one in report["findings"] if one["key"] not in ignored_keys]
    if not open_findings:
        return "Nothing in it needs mending.", "See the pictures"
    serious = sum(one["severity"] == "high" for one in open_findings)
    serious_part = f", {serious:,} of them serious" if serious else ""
    return f"{count(len(open_findings), 'finding')}{serious_part}.", "See and mend"
