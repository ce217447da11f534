"""What a finished run found out about its test pictures, read once and kept for all sessions."""

from pathlib import Path

import streamlit as st

from ml.results import Floats, Integers, Results, read
from ml.runs import Run
from ml.workspace import Workspace

__all__ = ["Floats", "Integers", "Results", "load", "read"]

FILES = ("report.json", "predictions.npz", "model/model.json", "dataset.json")


def load(workspace: Workspace, run: Run) -> Results | None:
    """The results of ``run``; None where it has none yet. Kept until one of its files changes.

    Raises:
        BadInputError: they are damaged or do not fit together.
    """
    if not (run.folder / "report.json").exists():
        return None
    return _load(workspace.root, run.folder, _signature(run.folder))


def _signature(folder: Path) -> tuple[tuple[int, int], ...]:
    found = []
    for name in FILES:
        try:
            about = (folder / name).stat()
            found.append((about.st_mtime_ns, about.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)


@st.cache_resource(max_entries=8, show_spinner=False)
def _load(root: Path, folder: Path, signature: tuple[tuple[int, int], ...]) -> Results:
    """``signature`` changes with the files: it is there for the cache's key."""
    return read(Workspace(root), Run(folder))
