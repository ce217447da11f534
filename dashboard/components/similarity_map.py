"""The similarity map."""

import streamlit as st

from ml.data.store import DatasetVersion
from ml.workspace import Workspace


def similarity_map(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the map."""
    st.empty()
