"""Picture page: a page of selectable pictures with actions, for explorer and similarity map."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.components.widgets.item_actions import item_actions, selection_sentence
from dashboard.components.widgets.picture_details import picture_details
from dashboard.components.widgets.tile_grid import selectable_tiles, tile
from dashboard.state.open_dialog import dialog_subject, open_dialog
from dashboard.state.page_states import PicturePageState
from dashboard.state.stored import stored
from dashboard.text.wording import count
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

PAGE = 60


def picture_page(
    workspace: Workspace,
    version: DatasetVersion,
    items: Sequence[int],
    key: str,
    *,
    notes: Mapping[int, str] | None = None,
    reveal: str = "",
) -> None:
    """Draw a page of the pictures ``items``, their selection, and the actions above them.

    The selection goes over several pages and ends when the set changes. ``notes`` stand under the
    pictures. The page scrolls here whenever ``reveal`` is a new word.
    """
    page_state = _page_state(version, key)
    bar = st.container(key=f"picture-bar-{key}")
    grid = st.container()
    pages = max(1, -(-len(items) // PAGE))
    number = 1
    if pages > 1:
        number = min(pages, st.pagination(pages, key=f"page-{key}-{pages}"))
    shown = list(items[(number - 1) * PAGE : number * PAGE])
    note_of = notes or {}
    tiles = [
        tile(workspace, version, n, note=note_of.get(n) or short_name(version, n)) for n in shown
    ]
    with grid:
        on_page = selectable_tiles(
            tiles,
            page_state.items & set(shown),
            f"{count(len(items), 'picture')}, page {number} of {pages}",
            f"tiles-{key}",
            f"{version.fingerprint} {page_state.turn} {shown[:1]} {len(shown)} {number}",
            reveal=reveal,
        )
    page_state.items = (page_state.items - set(shown)) | on_page
    with bar:
        _action_bar(workspace, version, page_state, shown, items, key)


def forget_selection(key: str) -> None:
    """Select nothing, as when another question is asked."""
    _select(stored(PicturePageState, key), set())


def short_name(version: DatasetVersion, place: int) -> str:
    """The name of the file without its folders."""
    return version.items[place].file.rpartition("/")[2] or f"picture {place + 1}"


def _action_bar(
    workspace: Workspace,
    version: DatasetVersion,
    page_state: PicturePageState,
    shown: Sequence[int],
    items: Sequence[int],
    key: str,
) -> None:
    dialog = f"closer-{key}-{version.fingerprint}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            selection_sentence(len(page_state.items), len(page_state.items - set(shown))),
            width="stretch",
        )
        page = set(shown)
        st.button(
            "Select page" if len(items) > len(shown) else "Select all",
            key=f"select-page-{key}",
            on_click=_select,
            args=(page_state, page_state.items | page),
            disabled=page <= page_state.items,
        )
        if page_state.items:
            st.button("Clear", key=f"clear-{key}", on_click=_select, args=(page_state, set()))
        if len(page_state.items) == 1 and st.button("Look closer", key=f"closer-{key}"):
            open_dialog(dialog, min(page_state.items))
        looked_at = dialog_subject(dialog)
        if looked_at in page_state.items:
            picture_details(workspace, version, looked_at)
    item_actions(workspace, version, sorted(page_state.items), key)


def _select(page_state: PicturePageState, ids: set[int]) -> None:
    page_state.items = ids
    page_state.turn += 1


def _page_state(version: DatasetVersion, key: str) -> PicturePageState:
    page_state = stored(PicturePageState, key)
    if page_state.fingerprint != version.fingerprint:
        page_state.fingerprint = version.fingerprint
        _select(page_state, set())
    return page_state
