"""Home: what this is, where to start, and the last runs."""

import streamlit as st

from dashboard.components.home.next_step import next_step
from dashboard.components.home.recent_runs import recent_runs
from dashboard.state import deep_links

workspace = deep_links.open_page("pages/home.py")
st.title("Teach a computer to tell your pictures apart")
st.html(
    '<p class="lens-lead">Show it examples of each kind, watch it learn, see where it errs, and '
    "take the classifier with you. No code, and no picture leaves this computer.</p>"
)
next_step(workspace)
recent_runs(workspace)
