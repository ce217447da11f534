"""Search list: the hyperparameter searches, the newest first, each with its state and a link."""

import streamlit as st

from dashboard.components.train.run_state import status_pill
from dashboard.components.tune.search_outcome import WORDS
from dashboard.state import selection
from dashboard.state.workspace import current_workspace
from dashboard.text.html import escape
from dashboard.text.markdown import plain
from dashboard.text.wording import ago, count
from dashboard.workers import searches
from ml.errors import BadInputError
from ml.tuning.sweep import Sweep, list_sweeps

MAX_SEARCHES = 20


def search_list() -> None:
    """Draw the last ones; nothing where there is none."""
    sweeps = list_sweeps(current_workspace())[::-1][:MAX_SEARCHES]
    if not sweeps:
        return
    st.subheader("Searches", anchor=False)
    for sweep in sweeps:
        with st.container(border=True, key=f"card-sweep-{sweep.id}"):
            _row(sweep)


def _row(sweep: Sweep) -> None:
    try:
        request, state, result = sweep.request, sweep.state, sweep.result or {}
    except (BadInputError, KeyError, TypeError, ValueError):
        st.html(f"<p>{escape(sweep.id)} is damaged and cannot be shown.</p>")
        return
    if st.button(plain(sweep.name), key=f"open-sweep-{sweep.id}", type="tertiary"):
        selection.choose_sweep(sweep.id)
        st.rerun()
    status = searches.status(sweep)
    words = "Searching" if status.name in searches.LIVE else WORDS.get(status.name, status.name)
    kind = "running" if status.name in searches.LIVE else status.name
    st.html(
        f'<div class="lens-row-about">{status_pill(kind, words)}'
        f"<span>{count(len(state.ended), 'trial')}</span>"
        f"<span>{ago(request['created'])}</span></div>"
        f'<p class="lens-quiet">{escape(result.get("sentence", ""))}</p>'
    )
