"""Where pictures come in on Classify: the drop zone, the camera, and a few to try at once."""

import streamlit as st

from dashboard import results, tray
from dashboard.components.picture_buttons import PictureButton, picture_buttons
from dashboard.thumbnails import thumbnail
from dashboard.words import count
from ml.data.store import read_picture
from ml.errors import MLError
from ml.runs import Run
from ml.workspace import Workspace

KINDS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "jp2"]
MEGABYTES = 25
EXAMPLES = 8


def take_in(workspace: Workspace, run: Run) -> None:
    """Draw it. What comes in is put into the tray at once; there is no button to say so.

    The drop zone and the camera get a new key each time, which empties them: the pictures below
    are the list, and the server need not hold the files twice.
    """
    turn = st.session_state.setdefault("take-in-turn", 0)
    with st.container(border=True, key="card-take-in"):
        camera = st.session_state.get("camera-on", False)
        left, right = st.columns(2, gap="medium") if camera else (st.container(), None)
        files = left.file_uploader(
            "Drop pictures here",
            type=KINDS,
            accept_multiple_files=True,
            key=f"drop-{turn}",
            max_upload_size=MEGABYTES,
        )
        photo = right.camera_input("Take a photo", key=f"camera-{turn}") if right else None
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"Up to {tray.MOST_PICTURES} at a time. They are only looked at, not saved.",
                width="stretch",
            )
            st.toggle("Use the camera", key="camera-on")
        _examples(workspace, run)
    new = [(file.name, file.getvalue()) for file in files[: tray.MOST_PICTURES]]
    if photo is not None:
        new.append((f"Photo {turn + 1}", photo.getvalue()))
    if not new:
        said = st.session_state.pop("take-in-said", "")
        if said:
            st.info(said, icon=":material/info:")
        return
    for name, data in reversed(new):
        tray.add(name, data)
    if len(files) > tray.MOST_PICTURES:
        st.session_state["take-in-said"] = (
            f"{count(len(files), 'picture')} are too many at once: the first {tray.MOST_PICTURES} "
            "were taken. Clear them and drop the others."
        )
    st.session_state["take-in-turn"] = turn + 1
    st.rerun()


def _examples(workspace: Workspace, run: Run) -> None:
    """Test pictures of the run, one of each class as far as they go, that one click tries."""
    try:
        found = results.load(workspace, run)
    except MLError:
        found = None  # a damaged report is said on Evaluate; the model may be fine
    if found is None:
        return
    buttons, places = [], {}
    for place in found.examples(EXAMPLES).tolist():
        source = thumbnail(workspace.root, found.hashes[place])
        if source:
            places[found.hashes[place]] = place
            buttons.append(
                PictureButton(
                    found.hashes[place], source, f"Try this {found.classes[found.labels[place]]}"
                )
            )
    if not buttons:
        return
    st.caption("Or try one of these, which the model never trained on:")
    picked = picture_buttons(buttons, "Pictures to try", key=f"examples-{run.id}")
    if picked is None:
        return
    place = places[picked]
    name = found.files[place] or "Test picture"
    try:
        tray.add(name, read_picture(workspace, picked), found.classes[found.labels[place]])
    except MLError as error:
        st.error(str(error), icon=":material/error:")
