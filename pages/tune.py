"""Tune: search settings that make a better model, for as long as you give it."""

import streamlit as st

from dashboard.components.tune.form import tune_form
from dashboard.components.tune.learning_rate_finder import learning_rate_finder
from dashboard.components.tune.search_list import search_list
from dashboard.components.tune.search_view import search_name, search_view
from dashboard.state import deep_links, selection
from dashboard.state.navigation import TUNE

deep_links.open_page(TUNE)
sweep = selection.current_sweep()
if sweep is None:
    st.title("Tune", anchor=False)
    st.html(
        '<p class="lens-lead">Trains again and again with other settings, and keeps what does '
        "best. Whether that is really better is told on pictures the search never saw.</p>"
    )
    base = tune_form()
    if base is not None:
        learning_rate_finder(base)
    search_list()
else:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="page-head"):
        st.title("Tune", anchor=False, width="content")
        search_name(sweep)
        if st.button("All searches", icon=":material/arrow_back:", key="all-searches"):
            selection.choose_sweep(None)
            st.rerun()
    search_view(sweep)
