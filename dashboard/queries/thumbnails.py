"""Thumbnails of stored pictures, made once and cached."""

from pathlib import Path

import streamlit as st

from ml.data.pixels.thumbnails import data_uri
from ml.data.store.versions import read_picture
from ml.errors import MLError
from ml.workspace import Workspace


@st.cache_data(max_entries=4000, show_spinner=False)
def thumbnail(root: Path, picture: str) -> str | None:
    """The picture of that hash as a data URI; None where it is gone or cannot be read."""
    try:
        return data_uri(read_picture(Workspace(root), picture))
    except (MLError, OSError, ValueError):
        return None
