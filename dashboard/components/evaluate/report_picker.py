"""Report picker: the run's own test pictures, or others that it was measured on."""

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
    others = {
        _key((report["fingerprint"], report["split"])): report
        for report in stored_reports.others(run)
    }
    if not others:
        return None
    picker, wanted_key = report_key(run.id), WANTED_REPORT.take(run.id)
    if wanted_key is not None and wanted_key in {OWN, *others}:
        picker.set(wanted_key)
    elif picker.value(OWN) not in others:
        picker.set(OWN)
    labels = unique(
        {OWN: "Its own test pictures"} | {n: report_label(report) for n, report in others.items()}
    )
    chosen = st.selectbox(
        "Measured on",
        [OWN, *others],
        format_func=lambda name: labels.get(name, name),
        key=picker,
    )
    if not chosen or chosen not in others:
        return None
    report = others[chosen]
    st.info(plain(report_sentence(run, report)), icon=":material/photo_library:")
    for note in report.get("notes") or []:
        st.caption(plain(str(note.get("text", ""))))
    return report["fingerprint"], report["split"]


def show_report(run: Run, fingerprint: str, split: str) -> None:
    """Have Evaluate speak of that measurement when it is drawn next."""
    own = stored_reports.is_own(run, fingerprint, split)
    WANTED_REPORT.send(OWN if own else _key((fingerprint, split)), run.id)


def report_label(report: dict[str, Any]) -> str:
    """A measurement in a line."""
    pictures = f"{SPLITS.get(report['split'], report['split'])} of {report.get('dataset')}"
    return f"{pictures} · {count(int(report.get('pictures') or 0), 'picture')}"


def report_sentence(run: Run, report: dict[str, Any]) -> str:
    """Which pictures the page speaks of, in a sentence."""
    split_word = {"all": "all", "val": "validation", "train": "training"}.get(
        report["split"], "test"
    )
    number = int(report.get("pictures") or 0)
    version = f", version {report['version']}" if report.get("version") else ""
    own = report["fingerprint"] == run.dataset.get("fingerprint")
    source = "the run's own set" if own else "another set than the run's own"
    return (
        f"Everything below is about {split_word} pictures of {report.get('dataset')}{version}: "
        f"{count(number, 'picture')} of {source}."
    )


def _key(other: Other) -> str:
    return "-".join(other)
