"""Train: choose pictures, start, and watch it learn."""

import streamlit as st

from dashboard.components.train.form import train_form
from dashboard.components.train.run_view import run_view
from dashboard.components.widgets.run_picker import run_picker
from dashboard.state import deep_links, selection
from dashboard.state.keys import run_picker_key

deep_links.open_page("pages/train.py")
run = selection.current_run()
if run is None:
    st.title("Train")
    train_form()
else:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="page-head"):
        st.title("Train", width="content")
        run_picker(key=run_picker_key("train"))
        if st.button("New training", icon=":material/add:", key="new-training"):
            selection.choose_run(None)
            st.rerun()
    run_view(run)
