"""Picture details: a dialog with one picture, large, and its facts."""

import base64
import io
from pathlib import Path

import streamlit as st
from PIL import Image

from dashboard.queries.datasets import SIDES, split_of
from dashboard.state.open_dialog import close_dialog
from dashboard.text.html import escape
from ml.data.pixels.pixels import decode
from ml.data.store.versions import DatasetVersion, read_picture
from ml.errors import MLError
from ml.workspace import Workspace

MAX_SIDE = 720


@st.dialog("One picture", width="medium", on_dismiss=close_dialog)
def picture_details(workspace: Workspace, version: DatasetVersion, place: int) -> None:
    """Show the picture of that item number, and its facts, above the page."""
    item = version.items[place]
    source, width, height = _enlarged(workspace.root, item.hash)
    name = item.file or f"Picture {place + 1}"
    facts = [
        ("Class", version.classes[item.label]),
        ("Size", f"{width} x {height} pixels" if width else "cannot be read any more"),
        ("Used for", "nothing: excluded" if item.excluded else SIDES[split_of(version)[place]]),
        ("Group", item.group or ""),
        ("When brought in", ", ".join(item.notes)),
    ]
    rows = "".join(
        f"<dt>{escape(word)}</dt><dd>{escape(value)}</dd>" for word, value in facts if value
    )
    picture = f'<img src="{source}" alt="{escape(name)}">' if source else ""
    details = f"<div><h4>{escape(name)}</h4><dl>{rows}</dl></div>"
    st.html(f'<div class="lens-details">{picture}{details}</div>')


@st.cache_data(max_entries=64, show_spinner=False)
def _enlarged(root: Path, picture: str) -> tuple[str, int, int]:
    """A data URI, width and height in pixels; empty and zeros where it is gone."""
    try:
        image = Image.fromarray(decode(read_picture(Workspace(root), picture)).pixels)
    except (MLError, OSError, ValueError):
        return "", 0, 0
    width, height = image.size
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=85, method=2)
    return (
        "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode(),
        width,
        height,
    )
