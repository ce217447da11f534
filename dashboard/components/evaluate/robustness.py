"""Robustness panel: accuracy of a run under common corruptions, beside other runs."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.charts.robustness import corruptions
from dashboard.components.widgets.lazy_expander import lazy_expander
from dashboard.components.widgets.measurement_panel import measurement_panel
from dashboard.components.widgets.plot import plot
from dashboard.components.widgets.run_picker import run_label
from dashboard.state import deep_links, selection
from dashboard.state.keys import fold_key
from dashboard.state.messages import WANTED_DATASET
from dashboard.state.navigation import TRAIN
from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored
from dashboard.text.wording import count
from ml.evaluation import robustness
from ml.runs.folder import Run, list_runs
from ml.text import report_sentences
from ml.workspace import Workspace

NONE = ""


def robustness_panel(workspace: Workspace, run: Run) -> None:
    """The fold; what is inside is drawn when it is opened."""
    draw = partial(_panel, workspace, run)
    lazy_expander("How does it take worse pictures?", fold_key("robustness", run.id), draw)


def _panel(workspace: Workspace, run: Run) -> None:
    st.write(
        "The test pictures again, with noise, out of focus, too dark or too light, pale, saved too "
        "small, coarse, askew, partly covered: each at five strengths."
    )
    report = robustness.read(run)
    if report is None:
        _measure(workspace, run)
        return
    second_run = _second_run_picker(workspace, run)
    second_report = robustness.read(second_run) if second_run else None
    st.markdown(f"**{finding(report, second_report)}**")
    names = ["This run"] + ([second_run.name] if second_run and second_report else [])
    plot(
        corruptions([report] + ([second_report] if second_report else []), names),
        key=f"robustness-{run.id}",
        height=420 if second_report else 340,
        alt=finding(report, second_report),
    )
    st.caption(
        f"Accuracy on {count(report['pictures'], 'test picture')}, mean of five strengths. "
        "Dashed: the pictures as they are."
    )
    if second_run and second_report is None:
        _measure(workspace, second_run)
    elif second_report and not robustness.comparable([report, second_report]):
        st.caption("They were tested on different pictures: their scores do not compare.")
    if run.config.augment != "robust":
        _train_robust_button(run)


def finding(report: dict[str, Any], other: dict[str, Any] | None = None) -> str:
    """What was measured, in a sentence; with another run, what differs."""
    sentence = report_sentences.corruptions(report)
    if other is None:
        return sentence
    corrupted_difference = _points(report["corrupted"] - other["corrupted"])
    clean_difference = _points(report["clean"] - other["clean"])
    return (
        f"{sentence} Against the other run: {corrupted_difference} on worse pictures, "
        f"{clean_difference} as they are."
    )


def _points(difference: float) -> str:
    """A difference of shares in words.

    >>> _points(0.052), _points(-0.01)
    ('5.2 points more', '1.0 points less')
    """
    return f"{abs(100 * difference):.1f} points {'more' if difference >= 0 else 'less'}"


def _second_run_picker(workspace: Workspace, run: Run) -> Run | None:
    """Another run on the same pictures, chosen to be shown beside this one."""
    fingerprint = run.dataset.get("fingerprint")
    others = {
        other.id: other
        for other in reversed(list_runs(workspace))
        if other.id != run.id
        and other.dataset.get("fingerprint") == fingerprint
        and other.model is not None
    }
    if not others:
        return None
    chosen = st.selectbox(
        "Beside it",
        [NONE, *others],
        format_func=lambda name: run_label(others[name]) if name else "No other run",
        key=f"robustness-beside-{run.id}",
    )
    return others.get(str(chosen or NONE))


def _train_robust_button(run: Run) -> None:
    if st.button(
        "Train a robust one",
        key="train-robust",
        icon=":material/shield:",
        help="Shows the model worse pictures while it learns, in other ways than these.",
    ):
        overrides = stored(TrainState).overrides
        overrides |= {"augment": "robust", "model": run.config.model}
        # A last layer alone learns little of it: 72.1 % under corruption became 73.9 with four
        # worse views (recycling, 90 validation pictures), the rest fell from 88.9 to 86.7.
        if run.config.frozen:
            overrides["freeze_backbone"] = False
        WANTED_DATASET.send(run.config.dataset)
        selection.choose_run(None)
        deep_links.go_to(TRAIN)


def _measure(workspace: Workspace, run: Run) -> None:
    measurement_panel(workspace, run, "robustness", "Trying worse pictures", ":material/blur_on:")
