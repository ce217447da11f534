"""Result card: a prediction card with its panels and labels, and a dialog that shows it large."""

import streamlit as st

from dashboard.actions.labelling import LabellingTarget
from dashboard.components.classify.explanation import explanation
from dashboard.components.classify.labelling import card_label
from dashboard.components.classify.prediction_card import prediction_card
from dashboard.state.open_dialog import close_dialog
from dashboard.uploads import session_uploads
from dashboard.uploads.session_uploads import Entry
from ml.runs.folder import Run
from ml.workspace import Workspace


def result_card(
    workspace: Workspace, run: Run, lesson: LabellingTarget | None, entry: Entry
) -> None:
    """Draw it; with a ``lesson`` the picture can be labelled and added to the data set."""

    def more(one: Entry) -> None:
        explanation(workspace, run, one)
        if lesson:
            card_label(run, lesson, one)

    threshold = float((run.model or {})["threshold"])
    prediction_card(entry, run.id, threshold, session_uploads.remove, more)


@st.dialog("One picture", width="medium", on_dismiss=close_dialog)
def result_dialog(workspace: Workspace, run: Run, entry: Entry) -> None:
    """Show the card above the page."""
    result_card(workspace, run, None, entry)
