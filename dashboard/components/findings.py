"""What the doctor found in a set, most harmful first."""

import streamlit as st

from ml.data.store import DatasetVersion
from ml.workspace import Workspace


def findings(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw the findings of this version."""
    st.empty()
