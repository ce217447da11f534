"""Where pictures come in on Classify: drop zone, clipboard, camera, and a few to try."""

import streamlit as st

from dashboard import tray
from dashboard.components.bring_in import over_limit
from dashboard.components.dropped_folders import keep_folders
from dashboard.components.paste import paste
from dashboard.components.telling import telling
from dashboard.components.try_one import try_one
from dashboard.limits import limits
from dashboard.text import plain
from dashboard.unpacking import opened
from dashboard.words import count
from ml.runs import Run
from ml.workspace import Workspace

KINDS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "jp2", "zip"]
INSTEAD = "In a shell, python -m ml predict takes any number."
TOLD = 3
"""So many of what could not be taken are named."""


def take_in(workspace: Workspace, run: Run) -> None:
    """Draw it. What comes in is put into the tray at once; there is no button to say so.

    The drop zone and the camera get a new key each time, which empties them: the pictures below
    are the list, and the server need not hold the files twice.
    """
    keep_folders()
    turn = st.session_state.setdefault("take-in-turn", 0)
    with st.container(border=True, key="card-take-in"):
        camera = st.session_state.get("camera-on", False)
        folder = st.session_state.get("folder-on", False)
        left, right = st.columns(2, gap="medium") if camera else (st.container(), None)
        files = left.file_uploader(
            "Drop pictures here, a folder of them, or a zip",
            type=KINDS,
            accept_multiple_files="directory" if folder else True,
            key=f"drop-{'folder' if folder else 'files'}-{turn}",
            max_upload_size=limits().megabytes_a_file,
        )
        photo = right.camera_input("Take a photo", key=f"camera-{turn}") if right else None
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.container(width="stretch", gap=None, key="take-in-about"):
                pasted = paste("paste")
                st.caption(f"Up to {limits().tried} at a time, kept as long as this tab is open.")
            st.toggle("Choose a folder", key="folder-on")
            st.toggle("Use the camera", key="camera-on")
        try_one(workspace, run)
    new: list[tuple[str, bytes | memoryview]] = [(file.name, file.getbuffer()) for file in files]
    if photo is not None:
        new.append((f"Photo {turn + 1}", photo.getbuffer()))
    if not new and not pasted:
        _say(st.session_state.pop("take-in-said", []))
        return
    with telling():
        st.session_state["take-in-said"] = _taken(workspace, [*new, *pasted])
        st.session_state["take-in-turn"] = turn + 1
        st.rerun()


def _taken(workspace: Workspace, files: list[tuple[str, bytes | memoryview]]) -> list[str]:
    """Put files into the tray; a sentence for each of what could not be taken."""
    if refusal := over_limit([len(data) for _, data in files], INSTEAD):
        return [refusal]
    with opened(workspace, files) as (pictures, refused):
        most = limits().tried
        if len(pictures) > most:
            refused.append(
                f"{count(len(pictures), 'picture')} are too many at once: the first {most} were "
                "taken. Clear them and drop the others."
            )
        return refused + tray.take(pictures[:most])


def _say(sentences: list[str]) -> None:
    if sentences:
        more = len(sentences) - TOLD
        rest = [f"And {count(more, 'file')} more could not be taken."] if more > 0 else []
        told = "\n\n".join(plain(one) for one in [*sentences[:TOLD], *rest])
        st.info(told, icon=":material/info:")
