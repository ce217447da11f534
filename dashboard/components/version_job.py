"""A look at a whole version that takes a while: a child does it, the page shows how far it is.

One child of a kind works for a tab. When the set changes meanwhile, it ends: what it would say is
no longer asked for.
"""

import streamlit as st

from dashboard.preparing import Job
from dashboard.style import escape
from dashboard.text import plain
from dashboard.words import percent, roughly
from ml.data.store import DatasetVersion
from ml.errors import BadInputError
from ml.workspace import Workspace

TICK_SECONDS = 0.7


def begin_job(workspace: Workspace, version: DatasetVersion, kind: str, title: str) -> None:
    """Start ``python -m ml KIND`` on the set, where it is not at it already."""
    held = st.session_state.get(f"job-{kind}")
    if held:
        if held["of"] == _of(version) and held["job"].running:
            return
        held["job"].cancel()
    st.session_state.pop(f"ended-{kind}", None)
    try:
        job = Job([kind, version.name], title).start(workspace)
    except OSError as error:
        reason = f"{title} could not be started: {error.strerror or error}."
        st.session_state[f"ended-{kind}"] = {"of": _of(version), "reason": reason}
        return
    st.session_state[f"job-{kind}"] = {"of": _of(version), "job": job}


def ended_job(version: DatasetVersion, kind: str) -> str | None:
    """Why there is no result though the child was at this version: a sentence, empty where it was
    cancelled. None where it was not at it, or still is.

    Takes note of a child that has ended since.
    """
    held = st.session_state.get(f"job-{kind}")
    if held and not held["job"].running:
        del st.session_state[f"job-{kind}"]
        try:
            held["job"].result()
        except BadInputError as error:
            st.session_state[f"ended-{kind}"] = {"of": held["of"], "reason": str(error)}
    ended = st.session_state.get(f"ended-{kind}")
    return str(ended["reason"]) if ended and ended["of"] == _of(version) else None


def job_running(version: DatasetVersion, kind: str) -> bool:
    """Whether a child looks at exactly this version."""
    held = st.session_state.get(f"job-{kind}")
    return held is not None and held["of"] == _of(version) and bool(held["job"].running)


def job_progress(version: DatasetVersion, kind: str) -> None:
    """Draw how far it is, with a button that ends it."""
    st.fragment(_progress, run_every=TICK_SECONDS)(version, kind)


def job_reason(reason: str) -> None:
    """Say why there is no result; nothing where somebody cancelled."""
    if reason:
        st.warning(plain(reason), icon=":material/error:")


def _progress(version: DatasetVersion, kind: str) -> None:
    if not job_running(version, kind):
        st.rerun()
    job: Job = st.session_state[f"job-{kind}"]["job"]
    with st.container(horizontal=True, vertical_alignment="center"):
        done, left = job.progress, job.left
        remains = f"<span>about {roughly(left)} left</span>" if left is not None else ""
        st.html(
            '<div class="lens-progress" role="status"><div>'
            f'<span class="lens-status lens-running">{escape(job.title)}</span>{remains}'
            f'<span>{percent(done, 0)}</span></div><progress max="1" value="{done:.3f}" '
            f'aria-label="{escape(job.title)}"></progress></div>'
        )
        if st.button("Cancel", key=f"cancel-{kind}"):
            job.cancel()
            st.session_state.pop(f"job-{kind}", None)
            st.session_state[f"ended-{kind}"] = {"of": _of(version), "reason": ""}
            st.rerun()


def _of(version: DatasetVersion) -> str:
    return f"{version.name} {version.fingerprint}"
