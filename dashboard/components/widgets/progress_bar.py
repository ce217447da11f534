"""Progress bar: label, share done and details of a piece of work."""

import streamlit as st

from dashboard.text.html import escape
from dashboard.text.wording import percentage, roughly
from dashboard.workers.job import Job


def progress_bar(label: str, share: float, *details: str, announced: bool = True) -> None:
    """``label`` in the pill, ``details`` beside it, and the bar at ``share``, 0 to 1.

    ``announced``: a screen reader says what changes.
    """
    role = ' role="status"' if announced else ""
    spans = "".join(f"<span>{escape(detail)}</span>" for detail in details if detail)
    st.html(
        f'<div class="lens-progress"{role}><div>'
        f'<span class="lens-status lens-running">{escape(label)}</span>{spans}</div>'
        f'<progress max="1" value="{min(1.0, share):.4f}" aria-label="{escape(label)}"></progress>'
        "</div>"
    )


def job_bar(job: Job, key: str, *details: str) -> bool:
    """Draw the progress of a job and a button that cancels it; True where that was pressed."""
    seconds_left, share = job.seconds_left, job.progress
    remaining = f"about {roughly(seconds_left)} left" if seconds_left is not None else ""
    progress_bar(
        job.title or "Reading pictures", share, remaining, *details, percentage(share, digits=0)
    )
    if st.button("Cancel", key=key):
        job.cancel()
        return True
    return False
