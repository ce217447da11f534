"""Background job panel: starts a command on a whole version in a child, and shows its progress.

One child of a kind works for a set, whoever looks at it: a page that is loaded again, or a second
tab, finds it at work. When the set changes meanwhile, it ends: nobody asks any more for what it
would say.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from dashboard.components.widgets.progress_bar import job_bar
from dashboard.state import redraw
from dashboard.text.markdown import plain
from dashboard.workers.job import Job
from ml.data.store.versions import DatasetVersion
from ml.errors import BadInputError
from ml.workspace import Workspace

TICK_SECONDS = 0.7
MAX_UNREQUESTED_JOBS = 2
"""More children of a kind than this are not started unasked."""


@dataclass
class _JobOfSet:
    """The child of a kind for a set: the version it is at, and why it left no result."""

    version_key: str
    job: Job | None = None
    reason: str | None = None

    @property
    def running(self) -> bool:
        return self.job is not None and self.job.running


@dataclass
class _Jobs:
    by_set: dict[tuple[str, str], _JobOfSet] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


@st.cache_resource(show_spinner=False)
def _jobs(root: Path) -> _Jobs:
    return _Jobs()


def begin_job(
    workspace: Workspace, version: DatasetVersion, kind: str, title: str, *, asked: bool = True
) -> None:
    """Start ``python -m ml KIND`` on the set, where it is not at it already.

    What nobody ``asked`` for waits while others are at work.
    """
    jobs = _jobs(workspace.root)
    with jobs.lock:
        entry = jobs.by_set.get((kind, version.name))
        if entry and entry.version_key == _version_key(version) and entry.running:
            return
        if entry and entry.job:
            entry.job.cancel()
            entry.job = None
        busy = sum(
            other_entry.running for (other, _), other_entry in jobs.by_set.items() if other == kind
        )
        if not asked and busy >= MAX_UNREQUESTED_JOBS:
            jobs.by_set[kind, version.name] = _JobOfSet(_version_key(version), reason="")
            return
        try:
            new_entry = _JobOfSet(
                _version_key(version), Job([kind, version.name], title).start(workspace)
            )
        except OSError as error:
            reason = f"{title} could not be started: {error.strerror or error}."
            new_entry = _JobOfSet(_version_key(version), reason=reason)
        jobs.by_set[kind, version.name] = new_entry


def ended_job(workspace: Workspace, version: DatasetVersion, kind: str) -> str | None:
    """Why there may be no result though the child was at this version: a sentence, empty where it
    was cancelled or has ended well. None where it was not at it, or still is.

    Takes note of a child that has ended since.
    """
    jobs = _jobs(workspace.root)
    with jobs.lock:
        entry = jobs.by_set.get((kind, version.name))
        if entry is None:
            return None
        if entry.job and not entry.job.running:
            entry.reason = ""  # where it left no result all the same, it is not started for ever
            try:
                entry.job.result()
            except BadInputError as error:
                entry.reason = str(error)
            entry.job = None
        return entry.reason if entry.version_key == _version_key(version) else None


def job_running(workspace: Workspace, version: DatasetVersion, kind: str) -> bool:
    """Whether a child looks at exactly this version."""
    entry = _jobs(workspace.root).by_set.get((kind, version.name))
    return entry is not None and entry.version_key == _version_key(version) and entry.running


def job_progress(workspace: Workspace, version: DatasetVersion, kind: str) -> None:
    """Draw how far it is, with a button that ends it."""
    st.fragment(_progress, run_every=TICK_SECONDS)(workspace, version, kind)


def job_reason(reason: str) -> None:
    """Say why there is no result; nothing where somebody cancelled."""
    if reason:
        st.warning(plain(reason), icon=":material/error:")


def _progress(workspace: Workspace, version: DatasetVersion, kind: str) -> None:
    entry = _jobs(workspace.root).by_set.get((kind, version.name))
    job = entry.job if entry else None
    if (
        entry is None
        or job is None
        or entry.version_key != _version_key(version)
        or not job.running
    ):
        redraw.request()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if job_bar(job, f"cancel-{kind}"):
            entry.job, entry.reason = None, ""
            st.rerun()


def _version_key(version: DatasetVersion) -> str:
    return f"{version.version} {version.fingerprint}"
