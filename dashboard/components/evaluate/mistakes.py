"""Mistakes: the pictures that were classified wrongly, the most confident first."""

import streamlit as st

from dashboard.components.evaluate.mistake_neighbours import mistake_neighbours
from dashboard.components.widgets.gallery import gallery, gallery_tiles
from dashboard.queries.neighbours import has_neighbours
from dashboard.queries.results import Results
from dashboard.state.page_states import EvaluateState
from dashboard.state.stored import stored
from dashboard.text.wording import count
from ml.runs.folder import Run
from ml.workspace import Workspace

PAGE = 12


@st.fragment
def mistakes(workspace: Workspace, run: Run, results: Results) -> None:
    """Draw the gallery, a dozen at first."""
    places, key = results.mistakes(), results.key
    with st.container(border=True, key=f"card-mistakes-{key}"):
        if not len(places):
            st.markdown("#### No mistakes")
            st.write("Every test picture was recognised.")
            return
        st.markdown(f"#### The most confident of {count(len(places), 'mistake')}")
        st.caption("Sure and wrong: often a wrong label, an odd picture, or two classes in one.")
        state = stored(EvaluateState, key)
        limit = PAGE + state.more_mistakes
        shown = places[:limit].tolist()
        with_neighbours = has_neighbours(run) and st.toggle(
            "Beside each, the training pictures that it looks like", key=f"beside-{key}"
        )
        label = "The most confident mistakes, each with its truth and its guess"
        if not (with_neighbours and mistake_neighbours(workspace, run, results, shown, label)):
            gallery(gallery_tiles(workspace, results, shown), label)
        if len(places) > limit and st.button(
            f"Show {min(PAGE, len(places) - limit)} more", key=f"more-mistakes-{key}"
        ):
            state.more_mistakes += PAGE
            st.rerun(scope="fragment")
