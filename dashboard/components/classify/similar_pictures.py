"""Similar pictures: the training pictures nearest to a picture in the model's features."""

from typing import Any

import streamlit as st

from dashboard.components.widgets.gallery import GalleryTile, gallery
from dashboard.queries.datasets import version_at
from dashboard.queries.thumbnails import thumbnail
from dashboard.server.limits import local_mode
from dashboard.state.tab import tab_state
from ml.data.store.picture_key import key_of_item
from ml.errors import MLError
from ml.runs.folder import Run
from ml.workspace import Workspace


def similar_pictures(workspace: Workspace, run: Run, answer: dict[str, Any]) -> None:
    """Draw those that ``answer`` names, the nearest first; nothing where it names none.

    Nobody chose these pictures for strangers to see: a public server and the page for others show
    none of them.
    """
    neighbours = answer.get("nearest") or []
    if not neighbours or not local_mode() or tab_state().shared_run:
        return
    record = run.dataset
    try:
        version = version_at(workspace, str(record["name"]), int(record["version"]))
        pictures = [key_of_item(version, neighbour["item"]) for neighbour in neighbours]
    except (MLError, OSError, KeyError, IndexError, TypeError):
        st.caption("The pictures that this model learned from are not here any more.")
        return
    classes = list((run.model or {}).get("classes") or [])
    tiles = [
        GalleryTile(
            thumbnail(workspace.root, picture.hash),
            neighbour["label"],
            category=classes.index(neighbour["label"]) if neighbour["label"] in classes else 0,
        )
        for picture, neighbour in zip(pictures, neighbours, strict=True)
    ]
    st.markdown("**It looks like these**")
    st.caption(
        "Of the pictures that the model learned from, these are the most alike to it, the nearest "
        "first."
    )
    gallery(tiles, "Pictures that it learned from, the most alike first")
