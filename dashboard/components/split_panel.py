"""Which pictures train, validate and test."""

import streamlit as st

from ml.data.store import DatasetVersion
from ml.workspace import Workspace


def split_panel(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the split."""
    st.empty()
