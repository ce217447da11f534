"""Dataset preview: one thumbnail of each class of a data set."""

from pathlib import Path

import streamlit as st

from dashboard.text.html import escape
from dashboard.text.wording import count
from ml.data.catalog import DatasetInfo
from ml.data.pixels.thumbnails import data_uri
from ml.data.sources.folders import BUNDLED
from ml.data.sources.registry import list_source
from ml.data.store.versions import load_version, read_picture, read_summary
from ml.errors import MLError
from ml.workspace import Workspace

MAX_CLASSES = 12
SIDE = 128


def dataset_preview(workspace: Workspace, info: DatasetInfo) -> None:
    """Draw a strip of thumbnails with the names of their classes."""
    fingerprint = str(read_summary(workspace, info.name).get("fingerprint", ""))
    sources = _pictures(workspace.root, info.name, fingerprint)
    figures = "".join(
        f'<figure><img src="{source}" alt=""><figcaption>{escape(name)}</figcaption></figure>'
        for name, source in sources.items()
    )
    hidden = len(info.classes) - len(sources)
    more_text = (
        f" And {count(hidden, 'more class', 'more classes')}." if sources and hidden > 0 else ""
    )
    st.html(
        f'<div class="lens-strip">{figures}</div>'
        f'<p class="lens-quiet">{escape(info.description)}{more_text}</p>'
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _pictures(root: Path, name: str, fingerprint: str) -> dict[str, str]:
    """Class name to data URI: of the newest version, or of a bundled set before it has one."""
    sources: dict[str, str] = {}
    try:
        if not fingerprint:
            for candidate in list_source(BUNDLED / name).candidates:
                if candidate.label not in sources and len(sources) < MAX_CLASSES:
                    sources[candidate.label] = data_uri(candidate.read(), SIDE)
        else:
            workspace = Workspace(root)
            version = load_version(workspace, name)
            for item in version.items:
                label = version.classes[item.label]
                if label not in sources and len(sources) < MAX_CLASSES and not item.excluded:
                    sources[label] = data_uri(read_picture(workspace, item.hash), SIDE)
    except (MLError, OSError, ValueError):
        return sources  # the strip is a courtesy: what is wrong with the set is said at Train
    return sources
