"""Upload on Classify: drop zone, clipboard, camera and example pictures."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st

from dashboard.compat.dropped_folders import keep_folders
from dashboard.components.classify.examples import examples
from dashboard.components.data.upload import over_limit
from dashboard.components.widgets.camera import snapshot
from dashboard.components.widgets.clipboard import paste
from dashboard.server.limits import limits
from dashboard.state.keys import CAMERA_TOGGLE, FOLDER_TOGGLE, upload_key
from dashboard.state.messages import REFUSED_UPLOADS
from dashboard.state.page_states import ClassifyState
from dashboard.state.stored import stored
from dashboard.state.widget_key import WidgetKey
from dashboard.text.markdown import plain
from dashboard.text.wording import count
from dashboard.uploads import session_uploads
from dashboard.uploads.unzip import opened
from ml.errors import MLError
from ml.runs.folder import Run
from ml.workspace import Workspace

KINDS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "jp2", "zip"]
INSTEAD = "In a shell, python -m ml predict takes any number."
CAMERA = "camera-classify"
MAX_SENTENCES = 3
"""So many of what could not be taken are named."""


def upload(workspace: Workspace, run: Run) -> None:
    """Draw it. What comes in is put into the tray at once; there is no button to say so.

    The drop zone gets a new key each time, which empties it: the pictures below are the list, and
    the server need not hold the files twice. What came in is taken before the page is drawn, not at
    its end, which would draw it twice.
    """
    keep_folders()
    with st.container(border=True, key="card-take-in"):
        with_camera = CAMERA_TOGGLE.value(False)
        with_folder = FOLDER_TOGGLE.value(False)
        left, right = st.columns(2, gap="medium") if with_camera else (st.container(), None)
        drop_key = upload_key(with_folder, stored(ClassifyState).upload_turn)
        left.file_uploader(
            "Drop pictures here, a folder of them, or a zip",
            type=KINDS,
            accept_multiple_files="directory" if with_folder else True,
            key=drop_key,
            max_upload_size=limits().megabytes_a_file,
            on_change=_dropped,
            args=(workspace, drop_key),
        )
        if right:
            with right:
                snapshot("Camera", CAMERA, partial(_shot, workspace))
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch", gap=None, key="take-in-about"):
                pasted_files = paste("paste")
                limit = limits().classify_pictures
                st.caption(f"Up to {limit} at a time, kept as long as this tab is open.")
            st.toggle("Choose a folder", key=FOLDER_TOGGLE)
            st.toggle("Use the camera", key=CAMERA_TOGGLE)
        examples(workspace, run)
    if pasted_files:
        _add_files(workspace, pasted_files)
        st.rerun()
    _show_refusals(REFUSED_UPLOADS.take() or [])


def _dropped(workspace: Workspace, key: WidgetKey[Any]) -> None:
    """Take what the drop zone with that key holds. A browser may say that a new one is empty."""
    if uploads := key.value(None):
        _add_files(workspace, [(file.name, file.getbuffer()) for file in uploads])


def _shot(workspace: Workspace, data: bytes) -> None:
    _add_files(workspace, [(f"Photo {stored(ClassifyState).upload_turn + 1}", data)])


def _add_files(workspace: Workspace, files: Sequence[tuple[str, bytes | memoryview]]) -> None:
    """Put files into the tray, empty what they came through, and keep what is to be said."""
    try:
        refused = _add_checked(workspace, files)
    except MLError as error:
        refused = [str(error)]
    except OSError as error:
        refused = [f"The pictures cannot be kept: {error.strerror or error}."]
    REFUSED_UPLOADS.send(refused)
    stored(ClassifyState).upload_turn += 1


def _add_checked(
    workspace: Workspace, files: Sequence[tuple[str, bytes | memoryview]]
) -> list[str]:
    """Put files into the tray; a sentence for each of what could not be taken."""
    if refusal := over_limit([len(data) for _, data in files], INSTEAD):
        return [refusal]
    with opened(workspace, files) as (pictures, refused):
        limit = limits().classify_pictures
        if len(pictures) > limit:
            refused.append(
                f"{count(len(pictures), 'picture')} are too many at once: the first {limit} were "
                "taken. Clear them and drop the others."
            )
        return refused + session_uploads.take(pictures[:limit])


def _show_refusals(sentences: list[str]) -> None:
    if sentences:
        hidden = len(sentences) - MAX_SENTENCES
        rest = [f"And {count(hidden, 'file')} more could not be taken."] if hidden > 0 else []
        text = "\n\n".join(plain(sentence) for sentence in [*sentences[:MAX_SENTENCES], *rest])
        st.info(text, icon=":material/info:")
