"""Model card: training data, quality and limits of a classifier, for whoever tries it."""

import streamlit as st

from dashboard.queries import results
from dashboard.text.markdown import plain
from ml.errors import MLError
from ml.runs.folder import Run
from ml.text import model_card as card
from ml.text import report_sentences
from ml.workspace import Workspace


def model_card(workspace: Workspace, run: Run) -> None:
    """Draw it, as far as the run tells."""
    model = run.model or {}
    with st.expander("About this classifier"):
        st.markdown("**What it learned from**")
        st.write(plain(card.learned_from(run.dataset, str(model.get("model", "")))))
        try:
            run_results = results.load(workspace, run)
        except MLError:
            run_results = None
        st.markdown("**How good it is**")
        if run_results is None:
            st.write("It was not tested.")
        else:
            st.write(report_sentences.headline(run_results.report, plain))
            st.write(report_sentences.reading(run_results.report, len(run_results.labels)))
            if hardest := card.hardest(run_results.report, plain):
                st.write(hardest)
        st.markdown("**What it cannot do**")
        st.write(card.LIMITS)
        st.write(report_sentences.threshold(float(model["threshold"]), model.get("answers")))
        if rule := report_sentences.unlike(model.get("unlike")):
            st.markdown(rule, help=report_sentences.unlike_method(model.get("unlike")) or None)
        if licence := model.get("licence"):
            st.caption(f"Licence of the weights that it started from: {plain(str(licence))}")
