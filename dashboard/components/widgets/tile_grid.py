"""Tile grid: pictures as tiles, to look at, to select, or with buttons.

One component instead of sixty checkboxes: it draws a page of tiles in one go, and every tile is
reached by keyboard (Tab or the arrow keys, and Space).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.queries.thumbnails import thumbnail
from dashboard.server.static import beside
from ml.data.store.versions import DatasetVersion
from ml.workspace import Workspace

MIN_TILE_SIZE = 104
"""Pixels of a tile at least."""
_component = st.components.v2.component(
    "lensmith_tile_grid",
    html='<div class="tiles" role="group"></div>\n',
    css=beside(__file__, "tile_grid.css"),
    js=beside(__file__, "create.js", "tile_grid.js"),
)
Tile = dict[str, Any]


def tile(
    workspace: Workspace, version: DatasetVersion, place: int, *, note: str = "", badge: str = ""
) -> Tile:
    """The tile of one picture of a version, by its item number. A label that it may get, or got,
    is shown under its own as ``then``."""
    item = version.items[place]
    return {
        "id": place,
        "source": thumbnail(workspace.root, item.hash),
        "name": version.classes[item.label],
        "file": item.file or f"picture {place + 1}",
        "then": "",
        "note": note,
        "badge": badge or ("excluded" if item.excluded else ""),
        "category": item.label,
        "dim": item.excluded,
    }


def tile_grid(
    tiles: Sequence[Tile],
    label: str,
    key: str,
    *,
    groups: Sequence[Sequence[int]] = (),
    actions: Mapping[str, str] | None = None,
    token: str = "",
    size: int = MIN_TILE_SIZE,
) -> tuple[int, str] | None:
    """Draw tiles that are looked at, or acted upon one by one.

    Args:
        label: what they are, for those who cannot see them.
        groups: ids that are shown together, such as pairs.
        actions: what the buttons under every tile are called, by the name that comes back.
        token: what the ids are good for; a press that was meant for another is passed over.

    Returns:
        The id of the tile whose button was pressed just now, and the action; else None.
    """
    result = _draw(tiles, label, key, groups, actions or {}, token, size, None, "")
    message = result.acted
    ids = {item["id"] for item in tiles}
    is_current = (
        isinstance(message, dict) and message.get("token") == token and message.get("id") in ids
    )
    return (int(message["id"]), str(message["action"])) if is_current else None


def selectable_tiles(
    tiles: Sequence[Tile],
    selected: Iterable[int],
    label: str,
    key: str,
    token: str,
    *,
    reveal: str = "",
) -> set[int]:
    """Draw tiles that can be selected, and return which of them are.

    ``selected`` counts whenever ``token`` is new; from then on the browser knows better. The page
    scrolls to the tiles whenever ``reveal`` is a new word.
    """
    selected = sorted(selected)
    result = _draw(tiles, label, key, (), {}, token, MIN_TILE_SIZE, selected, reveal)
    message = result.selected
    ids = {item["id"] for item in tiles}
    if not isinstance(message, dict) or message.get("token") != token:
        return ids & set(selected)
    return ids & {int(item) for item in message["ids"]}


def _draw(
    tiles: Sequence[Tile],
    label: str,
    key: str,
    groups: Sequence[Sequence[int]],
    actions: Mapping[str, str],
    token: str,
    size: int,
    selected: Sequence[int] | None,
    reveal: str,
) -> Any:
    return _component(
        key=key,
        data={
            # Tuples: of lists Streamlit asks whether they are data frames, and imports pandas.
            "tiles": tuple(tiles),
            "label": label,
            "groups": tuple(map(tuple, groups)),
            "actions": tuple({"id": name, "label": text} for name, text in actions.items()),
            "selectable": selected is not None,
            "selected": tuple(selected or ()),
            "token": token,
            "size": size,
            "reveal": reveal,
        },
        on_selected_change=lambda: None,
        on_acted_change=lambda: None,
    )
