"""Streamlit: keeps the folders of files that are dropped on its drop zones.

When a folder is dragged there, the browser gives each file without its folder. Streamlit reads the
folder from ``File.webkitRelativePath`` alone; react-dropzone, its drop zone, notes the path in a
property of its own, ``relativePath``. This component lets the first fall back on the second, so
that pets/cat/1.png does not arrive as 1.png.

Where a later drop zone has no ``relativePath``, or a browser refuses the change, files arrive
without their folders, and all else works.
"""

from pathlib import Path

import streamlit as st

TRIED_WITH = "streamlit 1.67.0"
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

_component = st.components.v2.component(
    "lensmith_dropped_folders", html="<span hidden></span>\n", js=SCRIPT
)


def keep_folders() -> None:
    """Call it once on a page that has drop zones."""
    _component(key="dropped-folders")
