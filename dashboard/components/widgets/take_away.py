"""Take-away section: makes the files of a classifier, each with its proof, and downloads them."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.measurement_panel import measurement_panel
from dashboard.state.keys import fold_key
from dashboard.text.markdown import percentage
from dashboard.text.wording import count
from ml.export import record
from ml.export.registry import Exporter, all_exporters
from ml.runs.folder import Run
from ml.workspace import Workspace, is_public

FIRST = "bundle"
"""The format that is offered without opening anything."""
SAME_PROBABILITY = 5e-6
"""A difference that five digits do not show."""


def take_away(workspace: Workspace, run: Run) -> None:
    """Draw the section; nothing for a run without a model, or where strangers use the server.

    A first press makes a file in a child process, a second one downloads it.
    """
    if run.model is None or is_public():
        return
    exporters = {one.name: one for one in all_exporters() if not one.missing}
    entries = record.read(run)
    with st.container(border=True, key="card-take-away"):
        st.html('<p class="lens-card-title">Take it away</p>')
        first = exporters.pop(FIRST)
        _format(workspace, run, first, entries.get(FIRST))
        draw = partial(_others, workspace, run, exporters, entries)
        lazy_expander("Other formats", fold_key("formats", run.id), draw)


def proof_sentence(parity: dict[str, Any]) -> str:
    """How an exported file answers beside the run.

    >>> proof_sentence({"images": 90, "top1_agreement": 1.0, "max_probability_difference": 2e-5,
    ...                 "milliseconds": 14.2})
    'Tried on 90 test pictures: the same class for 100 %, no probability differs by more than \
0.00002. 14 ms a picture.'
    """
    largest = float(parity["max_probability_difference"])
    differs = f"no probability differs by more than {largest:.5f}"
    if largest < SAME_PROBABILITY:
        differs = "the same probabilities"
    sentence = (
        f"Tried on {count(int(parity['images']), 'test picture')}: the same class for "
        f"{percentage(parity['top1_agreement'])}, {differs}."
    )
    if milliseconds := parity.get("milliseconds"):
        sentence += f" {max(1, round(milliseconds))} ms a picture."
    return sentence


def _others(
    workspace: Workspace,
    run: Run,
    exporters: dict[str, Exporter],
    entries: dict[str, dict[str, Any]],
) -> None:
    for name, exporter in exporters.items():
        _format(workspace, run, exporter, entries.get(name))


def _format(
    workspace: Workspace, run: Run, exporter: Exporter, entry: dict[str, Any] | None
) -> None:
    """A line for a format: what it is, how its file answered, and the button."""
    path = record.stored_file(run, entry) if entry else None
    proof = f" {proof_sentence(entry['parity'])}" if entry and entry.get("parity") else ""
    with st.container(
        horizontal=True, vertical_alignment="center", key=f"take-{exporter.name}-{run.id}"
    ):
        with st.container(gap=None, width="stretch"):
            st.markdown(f"**{exporter.label}**")
            st.caption(exporter.help + proof)
        if path:
            st.download_button(
                f"Download, {max(0.1, path.stat().st_size / 1e6):.1f} MB",
                path.read_bytes,
                path.name,
                key=f"download-{exporter.name}-{run.id}",
                icon=":material/download:",
                on_click="ignore",
            )
            return
        measurement_panel(
            workspace,
            run,
            "export",
            f"Making and trying it: {exporter.label}",
            ":material/package_2:",
            "Make it",
            ("--format", exporter.name, "--with-run"),
        )
