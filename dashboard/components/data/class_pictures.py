"""Class pictures: thumbnails of a class, each a button that removes the picture."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.server.static import beside

_component = st.components.v2.component(
    "lensmith_class_pictures",
    html='<div class="pictures" role="group"></div>\n',
    css=beside(__file__, "class_pictures.css"),
    js=beside(__file__, "class_pictures.js"),
)


def class_pictures(pictures: Sequence[dict[str, Any]], label: str, key: str, token: str) -> int:
    """Draw ``pictures`` (id, a number; source, a data URI or None; name). The id of the one that
    was pressed just now, else -1.

    ``token`` says what the ids are good for, such as the version of the set: a press that was meant
    for another is passed over.
    """
    result = _component(
        key=key,
        data={"pictures": tuple(pictures), "label": label, "token": token},  # see tile_grid
        on_removed_change=lambda: None,
    )
    pressed = result.removed
    ids = {picture["id"] for picture in pictures}
    is_current = isinstance(pressed, dict) and pressed.get("token") == token
    return int(pressed["id"]) if is_current and pressed.get("id") in ids else -1
