"""One classifier alone, for others to try: its author's words, the pictures, and what it is."""

import streamlit as st

from dashboard.app import demo
from dashboard.components.classify.model_card import model_card
from dashboard.components.classify.results import results
from dashboard.components.widgets.empty_state import full_page
from dashboard.state import deep_links
from dashboard.text.markdown import plain
from ml.sharing import page_text
from ml.text import model_card as card

workspace = deep_links.open_page(demo.SHARED.path)
run = demo.shared_run(workspace)
if run is None or (model := run.model) is None:
    full_page(
        "There is no such classifier",
        "It may have been deleted, or the address is not complete. Ask whoever sent it to you.",
    )
    st.stop()
page = page_text.read(run)
st.title(plain(page.title), anchor=False)
for line in page.words.splitlines():
    st.write(plain(line))
st.caption(card.apart(model["classes"], plain))
results(workspace, run)
model_card(workspace, run)
