"""Slices panel: groups of pictures on which a run does worse, with their mistakes."""

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.slices import MAX_BARS, slice_name, slices
from dashboard.components.evaluate.cell_drawer import cell_drawer, reset_drawer
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.measurement_panel import measurement_panel
from dashboard.components.widgets.plot import plot
from dashboard.queries.results import Results
from dashboard.state.keys import fold_key, slice_key
from dashboard.text.markdown import percentage, plain, with_span
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion, read_summary
from ml.evaluation import slice_discovery
from ml.evaluation.slice_discovery import by_chance
from ml.metrics.slices import MIN_PICTURES_IN_SLICE
from ml.runs.folder import Run
from ml.workspace import Workspace

NONE = -1


def slices_panel(
    workspace: Workspace, run: Run, results: Results, version: DatasetVersion | None
) -> None:
    """The fold; what is inside is drawn when it is opened."""
    draw = partial(_panel, workspace, run, results, version)
    lazy_expander("Is it worse on some kind of picture?", fold_key("slices", results.key), draw)


def _panel(
    workspace: Workspace, run: Run, results: Results, version: DatasetVersion | None
) -> None:
    st.write(
        "The pictures by class, size, shape, brightness, contrast, sharpness, time, folder, group "
        "and kind of file: which of these groups does the model get wrong more often than the rest?"
    )
    if len(results.labels) < 2 * MIN_PICTURES_IN_SLICE:
        st.write(
            f"{count(len(results.labels), 'picture')} are too few to tell one group from the rest. "
            f"A group of {MIN_PICTURES_IN_SLICE} and as many others are the least."
        )
        return
    fingerprint, split = results.fingerprint, results.split
    report = slice_discovery.read(run, fingerprint, split)
    if report is None or report["pictures"] != len(results.labels):
        options = _options(workspace, run, results)
        if options is None:
            st.write(f"{plain(results.dataset)} has changed since. Measure on it again first.")
            return
        measurement_panel(
            workspace,
            run,
            "evaluate",
            "Looking at the pictures",
            ":material/filter_alt:",
            "Look for such groups",
            ("--slices", *options),
        )
        return
    _slices(workspace, results, version, report)


def _options(workspace: Workspace, run: Run, results: Results) -> tuple[str, ...] | None:
    """How the command line names these pictures; None where it would take others."""
    if results.fingerprint == run.dataset.get("fingerprint"):
        return () if results.own else ("--split", results.split)
    newest = read_summary(workspace, results.dataset).get("fingerprint")
    named = ("--dataset", results.dataset, "--split", results.split)
    return named if newest == results.fingerprint else None


@st.fragment
def _slices(
    workspace: Workspace, results: Results, version: DatasetVersion | None, report: dict[str, Any]
) -> None:
    st.markdown(f"**{plain(report['finding'])}**")
    groups, key = report["slices"], f"slice-{results.key}"
    if not groups:
        return
    clicked = plot(
        slices(report),
        key=f"slices-{results.key}",
        height=90 + 38 * min(len(groups), MAX_BARS),
        alt=report["finding"],
        on_click=True,
    )
    limit_note = (
        f"The first {MAX_BARS} of {len(groups)} groups; all are in the table. "
        if (len(groups) > MAX_BARS)
        else ""
    )
    st.caption(
        f"{limit_note}Dashed: all pictures, {percentage(report['accuracy'])} right. Whiskers are "
        f"95 % "
        "intervals. Click a bar to see the group's mistakes. A group is called worse where chance "
        f"alone would make any of the {report['tried']} so bad in less than 5 % of tests "
        f"({report['method']})."
    )
    point = clicked.get("point") if clicked else None
    picker = slice_key(results.key)
    picker.set_default(NONE)
    if isinstance(point, int) and point < min(len(groups), MAX_BARS):
        picker.set(point)
        reset_drawer(key)
    chosen = st.selectbox(
        "Group",
        [NONE, *range(len(groups))],
        format_func=lambda n: (
            "Choose a group to see its mistakes" if n < 0 else slice_name(groups[n])
        ),
        key=picker,
        on_change=partial(reset_drawer, key),
        help="\n\n".join(
            f"**{kind}**: {text}"
            for kind, text in slice_discovery.HELP.items()
            if any(one["kind"] == kind for one in groups)
        ),
    )
    if chosen is not None and chosen >= 0:
        _mistakes(workspace, results, version, groups[chosen], key)


def _mistakes(
    workspace: Workspace,
    results: Results,
    version: DatasetVersion | None,
    group: dict[str, Any],
    key: str,
) -> None:
    wrong = np.array(group["wrong"], dtype=np.int64)
    mistakes = round(group["pictures"] * (1 - group["accuracy"]))
    heading = f"{count(mistakes, 'mistake')} among {count(group['pictures'], 'picture')}"
    st.markdown(
        f"**{heading}**: {with_span(group['accuracy'], group['interval'])} right, of the rest "
        f"{percentage(group['rest'])}. Chance alone would make any of the groups so bad "
        f"{by_chance(group['adjusted'])}."
    )
    if len(wrong):
        order = np.argsort(-results.confidence[wrong], kind="stable")
        cell_drawer(workspace, results, version, wrong[order], None, heading, key)
