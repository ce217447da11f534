"""All pictures of a set, to look at and to change."""

import streamlit as st

from ml.data.store import DatasetVersion
from ml.workspace import Workspace


def explorer(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw them."""
    st.caption(f"Version {version.version}")
