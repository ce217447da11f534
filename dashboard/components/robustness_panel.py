"""Under Evaluate: how a run takes pictures that are worse than those it was tested on."""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import forms, session
from dashboard.charts_robustness import corruptions
from dashboard.components.picker import run_label, run_title
from dashboard.components.plot import plot
from dashboard.components.progress_bar import job_bar
from dashboard.navigation import TRAIN
from dashboard.preparing import Job
from dashboard.text import plain, rounded, with_span
from dashboard.words import count
from ml import robustness
from ml.errors import BadInputError
from ml.metrics import wilson
from ml.runs import Run, list_runs
from ml.workspace import Workspace

TICK_SECONDS = 0.7
NONE = ""


def robustness_panel(workspace: Workspace, run: Run) -> None:
    """The fold; what is inside is drawn when it is opened."""
    title = "How does it take worse pictures?"
    fold = st.expander(title, key=f"fold-robustness-{run.id}", on_change="rerun")
    if fold.open:
        with fold:
            _panel(workspace, run)


def _panel(workspace: Workspace, run: Run) -> None:
    st.write(
        "The test pictures again, with noise, out of focus, too dark or too light, pale, saved too "
        "small, coarse, askew, partly covered: each at five strengths."
    )
    report = robustness.read(run)
    if report is None:
        _measuring(workspace, run)
        return
    beside = _beside(workspace, run)
    other = robustness.read(beside) if beside else None
    st.markdown(f"**{finding(report, other)}**")
    names = ["This run"] + ([run_title(beside)] if beside and other else [])
    plot(
        corruptions([report] + ([other] if other else []), names),
        key=f"robustness-{run.id}",
        height=420 if other else 340,
        alt=finding(report, other),
    )
    st.caption(
        f"Accuracy on {count(report['pictures'], 'test picture')}, mean of five strengths. "
        "Dashed: the pictures as they are."
    )
    if beside and other is None:
        _measuring(workspace, beside)
    elif other and not robustness.comparable([report, other]):
        st.caption("They were tested on different pictures: their scores do not compare.")
    if run.config.augment != "robust":
        _train_robustly(run)


def finding(report: dict[str, Any], other: dict[str, Any] | None = None) -> str:
    """What was measured, in a sentence; with another run, what differs."""
    clean = with_span(report["clean"], wilson(report["clean"], report["pictures"]))
    weakest = min(report["kinds"], key=lambda row: row["mean"])
    said = (
        f"{rounded(report['corrupted'])} right on worse pictures, {clean} as they are. Hardest: "
        f"{weakest['label']} ({rounded(weakest['mean'])})."
    )
    if other is None:
        return said
    worse = _points(report["corrupted"] - other["corrupted"])
    clean = _points(report["clean"] - other["clean"])
    return f"{said} Against the other run: {worse} on worse pictures, {clean} as they are."


def _points(difference: float) -> str:
    """A difference of shares in words.

    >>> _points(0.052), _points(-0.01)
    ('5.2 points more', '1.0 points less')
    """
    return f"{abs(100 * difference):.1f} points {'more' if difference >= 0 else 'less'}"


def _beside(workspace: Workspace, run: Run) -> Run | None:
    """Another run on the same pictures, chosen to be shown beside this one."""
    mine = run.dataset.get("fingerprint")
    others = {
        one.id: one
        for one in reversed(list_runs(workspace))
        if one.id != run.id and one.dataset.get("fingerprint") == mine and one.model is not None
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


def _train_robustly(run: Run) -> None:
    if st.button(
        "Train a robust one",
        key="train-robust",
        icon=":material/shield:",
        help="Shows the model spoilt pictures while it learns, of other kinds than these.",
    ):
        forms.overrides()["augment"] = "robust"
        forms.overrides()["model"] = run.config.model
        if run.config.frozen:  # a last layer alone cannot learn it
            forms.overrides()["freeze_backbone"] = False
        st.session_state["wanted-dataset"] = run.config.dataset
        session.choose_run(None)
        session.go(TRAIN)


@st.cache_resource(show_spinner=False)
def _jobs(root: Path) -> dict[str, Job]:
    """The children that measure, by run: every tab finds them at work."""
    return {}


def _measuring(workspace: Workspace, run: Run) -> None:
    """A button that measures, or how far that is."""
    jobs = _jobs(workspace.root)
    job = jobs.get(run.id)
    if job and job.running:
        st.fragment(_progress, run_every=TICK_SECONDS)(job)
        return
    if job:
        del jobs[run.id]
        try:
            job.result()
            st.rerun()
        except BadInputError as error:
            st.warning(plain(str(error)), icon=":material/error:")
    if st.button("Measure it", key=f"measure-{run.id}", icon=":material/blur_on:"):
        jobs[run.id] = Job(["robustness", run.id], "Spoiling pictures").start(workspace)
        st.rerun()


def _progress(job: Job) -> None:
    if not job.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        if job_bar(job, "cancel-robustness"):
            st.rerun()
