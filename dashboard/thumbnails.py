"""Small squares of the pictures in the store, made once and kept."""

import base64
import io
from pathlib import Path

import streamlit as st
from PIL import Image

from ml.data.pixels import PixelSpec, canonical
from ml.data.store import read_picture
from ml.errors import MLError
from ml.workspace import Workspace

SIDE = 160
"""Pixels; twice what a thumbnail takes on the page, for dense screens."""


@st.cache_data(max_entries=4000, show_spinner=False)
def thumbnail(root: Path, picture: str) -> str | None:
    """The picture of that hash as a data URI; None where it is gone or cannot be read."""
    try:
        return encoded(read_picture(Workspace(root), picture))
    except (MLError, OSError, ValueError):
        return None


def encoded(data: bytes, side: int = SIDE) -> str:
    """An encoded picture as the data URI of a small square, cut at its middle.

    Raises:
        BadInputError: it cannot be decoded.
    """
    pixels = canonical(data, PixelSpec(side, "rgb", "crop"))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "WEBP", quality=80, method=2)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
