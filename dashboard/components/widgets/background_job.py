"""A look at a whole version that takes a while: a child does it, the page shows how far it is.

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
MOST = 2
"""More children of a kind than this are not started unasked."""


@dataclass
class _Held:
    """The child of a kind for a set: the version it is at, and why it left no result."""

    of: str
    job: Job | None = None
    reason: str | None = None

    @property
    def running(self) -> bool:
        return self.job is not None and self.job.running


@dataclass
class _Known:
    by_set: dict[tuple[str, str], _Held] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)


@st.cache_resource(show_spinner=False)
def _known(root: Path) -> _Known:
    return _Known()


def begin_job(
    workspace: Workspace, version: DatasetVersion, kind: str, title: str, *, asked: bool = True
) -> None:
    """Start ``python -m ml KIND`` on the set, where it is not at it already.

    What nobody ``asked`` for waits while others are at work.
    """
    known = _known(workspace.root)
    with known.lock:
        held = known.by_set.get((kind, version.name))
        if held and held.of == _of(version) and held.running:
            return
        if held and held.job:
            held.job.cancel()
            held.job = None
        busy = sum(one.running for (other, _), one in known.by_set.items() if other == kind)
        if not asked and busy >= MOST:
            known.by_set[kind, version.name] = _Held(_of(version), reason="")
            return
        try:
            made = _Held(_of(version), Job([kind, version.name], title).start(workspace))
        except OSError as error:
            reason = f"{title} could not be started: {error.strerror or error}."
            made = _Held(_of(version), reason=reason)
        known.by_set[kind, version.name] = made


def ended_job(workspace: Workspace, version: DatasetVersion, kind: str) -> str | None:
    """Why there may be no result though the child was at this version: a sentence, empty where it
    was cancelled or has ended well. None where it was not at it, or still is.

    Takes note of a child that has ended since.
    """
    known = _known(workspace.root)
    with known.lock:
        held = known.by_set.get((kind, version.name))
        if held is None:
            return None
        if held.job and not held.job.running:
            held.reason = ""  # where it left no result all the same, it is not started for ever
            try:
                held.job.result()
            except BadInputError as error:
                held.reason = str(error)
            held.job = None
        return held.reason if held.of == _of(version) else None


def job_running(workspace: Workspace, version: DatasetVersion, kind: str) -> bool:
    """Whether a child looks at exactly this version."""
    held = _known(workspace.root).by_set.get((kind, version.name))
    return held is not None and held.of == _of(version) and held.running


def job_progress(workspace: Workspace, version: DatasetVersion, kind: str) -> None:
    """Draw how far it is, with a button that ends it."""
    st.fragment(_progress, run_every=TICK_SECONDS)(workspace, version, kind)


def job_reason(reason: str) -> None:
    """Say why there is no result; nothing where somebody cancelled."""
    if reason:
        st.warning(plain(reason), icon=":material/error:")


def _progress(workspace: Workspace, version: DatasetVersion, kind: str) -> None:
    held = _known(workspace.root).by_set.get((kind, version.name))
    job = held.job if held else None
    if held is None or job is None or held.of != _of(version) or not job.running:
        redraw.request()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if job_bar(job, f"cancel-{kind}"):
            held.job, held.reason = None, ""
            st.rerun()


def _of(version: DatasetVersion) -> str:
    return f"{version.version} {version.fingerprint}"
