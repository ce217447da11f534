"""The pictures that a model learned from and that are most like the one it was asked about."""

from typing import Any

import streamlit as st

from dashboard.components.gallery import Tile, gallery
from dashboard.datasets import version_at
from dashboard.text import rounded
from dashboard.thumbnails import thumbnail
from dashboard.words import count
from ml.errors import MLError
from ml.runs import Run
from ml.workspace import Workspace


def look_alikes(workspace: Workspace, run: Run, answer: dict[str, Any]) -> None:
    """Draw those that ``answer`` names, the nearest first; nothing where it names none."""
    near = answer.get("nearest") or []
    if not near:
        return
    record = run.dataset
    try:
        items = version_at(workspace, str(record["name"]), int(record["version"])).items
        hashes = [items[one["item"]].hash for one in near]
    except (MLError, OSError, KeyError, IndexError, TypeError):
        st.caption("The pictures that this model learned from are not here any more.")
        return
    classes = list((run.model or {}).get("classes") or [])
    shown = [
        Tile(
            thumbnail(workspace.root, picture),
            one["label"],
            category=classes.index(one["label"]) if one["label"] in classes else 0,
        )
        for picture, one in zip(hashes, near, strict=True)
    ]
    st.markdown("**It looks like these**")
    st.caption(
        "Of the pictures that the model learned from, these are the most alike to it, the nearest "
        "first."
    )
    gallery(shown, "Pictures that it learned from, the most alike first")


def unlike_sentence(about: dict[str, Any] | None) -> str:
    """When a picture is called unlike anything learned; empty for a model that cannot tell."""
    if not about or not about.get("pictures"):
        return ""
    validation, share = int(about["validation"]), float(about["false_alarms"])
    rule = (
        f"A picture is unlike anything it learned where it lies further from the "
        f"{count(about['pictures'], 'training picture')} that the model carries than"
    )
    if (validation + 1) * share < 1:
        return (
            f"{rule} every validation picture does. There were only "
            f"{count(validation, 'validation picture')}, so it may call "
            f"1 in {validation + 1} pictures of the kind that it knows so."
        )
    return (
        f"{rule} {rounded(1 - share)} of the validation pictures do (by its nearest neighbours, "
        "Sun et al. 2022, and by how little any class speaks up, Liu et al. 2020). Of pictures of "
        f"the kind that it knows, it calls about 1 in {round(1 / share)} so by mistake."
    )
