"""Example pictures: a few test pictures of a run, each classified by one click."""

import streamlit as st

from dashboard.components.widgets.error_message import error_message
from dashboard.components.widgets.picture_buttons import PictureButton, picture_buttons
from dashboard.queries import results
from dashboard.queries.thumbnails import thumbnail
from dashboard.uploads import session_uploads
from ml.data.store.versions import read_picture
from ml.errors import MLError
from ml.runs.folder import Run
from ml.workspace import Workspace

MAX_EXAMPLES = 6


def examples(workspace: Workspace, run: Run) -> None:
    """Draw test pictures of ``run``, one of each class as far as they go; what is pressed is put
    into the tray. Nothing where the run or its pictures are gone."""
    try:
        run_results = results.load(workspace, run)
    except MLError:
        run_results = None  # a damaged report is said on Evaluate; the model may be fine
    if run_results is None:
        return
    buttons, place_of_hash = [], {}
    for place in run_results.examples(MAX_EXAMPLES).tolist():
        picture = run_results.picture(place)
        data_uri = thumbnail(workspace.root, picture.hash)
        if data_uri:
            place_of_hash[picture.hash] = place
            truth = run_results.classes[run_results.labels[place]]
            buttons.append(PictureButton(picture.hash, data_uri, f"Try this {truth}"))
    if not buttons:
        return
    st.caption("Try one of these. The model never saw them.")
    picked_hash = picture_buttons(buttons, "Pictures to try", key=f"examples-{run.id}")
    if picked_hash is None:
        return
    place = place_of_hash[picked_hash]
    with error_message():
        data = read_picture(workspace, picked_hash)
        session_uploads.add(
            run_results.files[place] or "Test picture",
            data,
            run_results.classes[run_results.labels[place]],
        )
