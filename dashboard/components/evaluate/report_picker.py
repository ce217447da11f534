"""Which pictures Evaluate speaks of: the run's own test pictures, or others it was measured on."""

from typing import Any

import streamlit as st

from dashboard.state.keys import report_key
from dashboard.state.messages import WANTED_REPORT
from dashboard.text.markdown import plain
from dashboard.text.wording import count, unique
from ml.evaluation import stored_reports
from ml.runs.folder import Run

OWN = ""
SPLITS = {
    "train": "Training pictures",
    "val": "Validation pictures",
    "test": "Test pictures",
    "all": "All pictures",
}
Other = tuple[str, str]
"""Fingerprint and split."""


def report_picker(run: Run) -> Other | None:
    """Let the user choose among the measurements of ``run``; None is its own test pictures.

    Nothing is drawn where there is no other.
    """
    others = {_key((one["fingerprint"], one["split"])): one for one in stored_reports.others(run)}
    if not others:
        return None
    picker, wanted = report_key(run.id), WANTED_REPORT.take(run.id)
    if wanted is not None and wanted in {OWN, *others}:
        picker.set(wanted)
    elif picker.value(OWN) not in others:
        picker.set(OWN)
    labels = unique(
        {OWN: "Its own test pictures"} | {n: report_label(one) for n, one in others.items()}
    )
    chosen = st.selectbox(
        "Measured on",
        [OWN, *others],
        format_func=lambda name: labels.get(name, name),
        key=picker,
    )
    if not chosen or chosen not in others:
        return None
    one = others[chosen]
    st.info(plain(report_sentence(run, one)), icon=":material/photo_library:")
    for note in one.get("notes") or []:
        st.caption(plain(str(note.get("text", ""))))
    return one["fingerprint"], one["split"]


def show_report(run: Run, fingerprint: str, split: str) -> None:
    """Have Evaluate speak of that measurement when it is drawn next."""
    own = stored_reports.is_own(run, fingerprint, split)
    WANTED_REPORT.send(OWN if own else _key((fingerprint, split)), run.id)


def report_label(report: dict[str, Any]) -> str:
    """A measurement in a line."""
    of = f"{SPLITS.get(report['split'], report['split'])} of {report.get('dataset')}"
    return f"{of} · {count(int(report.get('pictures') or 0), 'picture')}"


def report_sentence(run: Run, report: dict[str, Any]) -> str:
    """Which pictures the page speaks of, in a sentence."""
    which = {"all": "all", "val": "validation", "train": "training"}.get(report["split"], "test")
    number = int(report.get("pictures") or 0)
    version = f", version {report['version']}" if report.get("version") else ""
    own = report["fingerprint"] == run.dataset.get("fingerprint")
    of = "the run's own set" if own else "another set than the run's own"
    return (
        f"Everything below is about {which} pictures of {report.get('dataset')}{version}: "
        f"{count(number, 'picture')} of {of}."
    )


def _key(other: Other) -> str:
    return "-".join(other)
