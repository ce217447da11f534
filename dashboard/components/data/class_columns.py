"""Class columns: a column a class, to name it, add pictures by file or camera, and remove some."""

import time

import streamlit as st

from dashboard.actions.edits import commit_edits
from dashboard.components.data.class_pictures import class_pictures
from dashboard.components.data.ingest_progress import ingest_under_way
from dashboard.components.data.upload import drop_zone, ingest_uploads
from dashboard.components.widgets.camera import camera
from dashboard.queries.readiness import class_key
from dashboard.queries.thumbnails import thumbnail
from dashboard.state.keys import class_camera_key
from dashboard.state.page_states import DataState
from dashboard.state.stored import stored
from dashboard.text.markdown import plain, shortened
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion, Item
from ml.workspace import Workspace

MAX_COLUMNS = 8
"""Classes on the page at first; each has a drop zone, and a browser has to draw it."""
MAX_THUMBNAILS = 12
MAX_NAME_LENGTH = 100


def class_columns(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw a column for each class, and one that adds a class."""
    by_class: dict[int, list[int]] = {}
    for place, item in enumerate(version.items):
        if not item.excluded:
            by_class.setdefault(item.label, []).append(place)
    state = stored(DataState)
    limit = MAX_COLUMNS + state.more_classes
    with st.grid("auto", min_column_width=255, gap="medium"):
        for label, name in list(enumerate(version.classes))[:limit]:
            _column(workspace, version, name, by_class.get(label, []))
        _add_class(workspace, version)
    hidden = len(version.classes) - limit
    if hidden > 0 and st.button(
        f"Show {count(min(hidden, MAX_COLUMNS), 'more class', 'more classes')}"
    ):
        state.more_classes += MAX_COLUMNS
        st.rerun()


def _column(workspace: Workspace, version: DatasetVersion, name: str, places: list[int]) -> None:
    key = class_key(version, name)
    short_name = plain(shortened(name, 28))
    with st.container(border=True, key=f"card-class-{key}"):
        _head(workspace, version, name, len(places), key)
        follow_up = {"into": version.name, "label": name}
        drop_zone(f"Drop pictures of {short_name}", f"drop-{key}", follow_up)
        _camera(name, follow_up, key)
        shown = places[: -MAX_THUMBNAILS - 1 : -1]  # the newest first
        pictures = [_picture(workspace, place, version.items[place]) for place in shown]
        removed = class_pictures(
            pictures, f"Newest pictures of {name}", f"pictures-{key}", version.fingerprint[:16]
        )
        if removed >= 0:
            commit_edits(workspace, version, [{"do": "delete", "items": [removed]}])
        if len(places) > len(shown):
            st.caption(f"And {len(places) - len(shown):,} more, all under Look and change.")


def _head(
    workspace: Workspace, version: DatasetVersion, name: str, pictures: int, key: str
) -> None:
    """The name, which can be typed over, the counter, and what else can be done to a class."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        typed = st.text_input(
            f"Name of the class {plain(name)}",
            name,
            max_chars=MAX_NAME_LENGTH,
            key=f"name-{key}-{_turn()}",
            label_visibility="collapsed",
            disabled=ingest_under_way(),
        )
        chosen = st.menu_button(
            "More",
            ["Remove this class"],
            key=f"dots-{key}",
            icon=":material/more_vert:",
            type="tertiary",
        )
    st.html(f'<p class="lens-count" id="class-{key}">{count(pictures, "picture")}</p>')
    if chosen:
        commit_edits(workspace, version, [{"do": "remove_class", "name": name}])
    new = " ".join(typed.split())
    if new != name:
        stored(DataState).class_name_turn += 1
        if not new:
            st.rerun()
        commit_edits(workspace, version, [{"do": "rename_class", "old": name, "new": new}])


def _turn() -> int:
    """Goes up with each name that was typed, so that a field shows the set's own word again."""
    return stored(DataState).class_name_turn


def _camera(name: str, follow_up: dict[str, str], key: str) -> None:
    """The camera of this class. It is on for one class at a time, and goes off with the page."""
    if not st.toggle(
        "Use the camera", key=class_camera_key(key), on_change=_turn_off_others, args=(key,)
    ):
        return
    if shots := camera(f"Camera for {name}", f"shots-{key}"):
        stamp = time.strftime("%Y%m%d-%H%M%S")
        ingest_uploads(
            [(f"{stamp}-{n:03}.jpg", data) for n, data in enumerate(shots, 1)], follow_up
        )
        st.rerun()


def _turn_off_others(key: str) -> None:
    """One camera is on at most: the one that was turned on before goes off."""
    state = stored(DataState)
    if state.camera_class and state.camera_class != key:
        class_camera_key(state.camera_class).set(False)
    state.camera_class = key


def _picture(workspace: Workspace, place: int, item: Item) -> dict[str, object]:
    return {
        "id": place,
        "source": thumbnail(workspace.root, item.hash),
        "name": item.file.rpartition("/")[2] or f"picture {place + 1}",
    }


def _add_class(workspace: Workspace, version: DatasetVersion) -> None:
    with st.container(border=True, key="card-add-class"):
        typed = st.text_input(
            "Add a class",
            key=f"add-class-{_turn()}",
            max_chars=MAX_NAME_LENGTH,
            placeholder="Its name",
        )
        st.html('<p class="lens-count" id="class-new">Another kind of thing to tell apart</p>')
    if name := " ".join(typed.split()):
        state = stored(DataState)
        state.class_name_turn += 1
        state.more_classes = max(state.more_classes, len(version.classes) + 1 - MAX_COLUMNS)
        commit_edits(workspace, version, [{"do": "add_class", "name": name}])
