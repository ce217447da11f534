"""Every version of a set."""

import streamlit as st

from ml.data.store import DatasetVersion
from ml.workspace import Workspace


def version_list(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the list."""
    st.caption(f"Version {version.version}")
