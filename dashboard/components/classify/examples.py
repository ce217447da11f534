"""A few test pictures of a run, of which one click tries one."""

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

EXAMPLES = 6


def examples(workspace: Workspace, run: Run) -> None:
    """Draw test pictures of ``run``, one of each class as far as they go; what is pressed is put
    into the tray. Nothing where the run or its pictures are gone."""
    try:
        found = results.load(workspace, run)
    except MLError:
        found = None  # a damaged report is said on Evaluate; the model may be fine
    if found is None:
        return
    buttons, places = [], {}
    for place in found.examples(EXAMPLES).tolist():
        picture = found.picture(place)
        source = thumbnail(workspace.root, picture.hash)
        if source:
            places[picture.hash] = place
            truth = found.classes[found.labels[place]]
            buttons.append(PictureButton(picture.hash, source, f"Try this {truth}"))
    if not buttons:
        return
    st.caption("Try one of these. The model never saw them.")
    picked = picture_buttons(buttons, "Pictures to try", key=f"examples-{run.id}")
    if picked is None:
        return
    place = places[picked]
    with error_message():
        data = read_picture(workspace, picked)
        session_uploads.add(
            found.files[place] or "Test picture", data, found.classes[found.labels[place]]
        )
