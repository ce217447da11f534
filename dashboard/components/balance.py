"""How many pictures each class has, and how large they are."""

import streamlit as st

from ml.data.store import DatasetVersion
from ml.workspace import Workspace


def balance(workspace: Workspace, version: DatasetVersion) -> None:
    """Draw both."""
    st.dataframe(
        {"Class": list(version.counts), "Pictures": list(version.counts.values())}, hide_index=True
    )
