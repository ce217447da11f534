"""Searches: starts hyperparameter searches in children, which outlive page and server, and follows
them.

What a search is doing follows from its folder (``ml.tuning.sweep``). Only the children that have
not taken theirs up yet are remembered here: to load torch takes them seconds, and one that fails
before that would otherwise end without a word.
"""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dashboard.workers.process import spawn
from dashboard.workers.run_status import log_tail
from ml.runs.file_types import Worker
from ml.runs.status import Status
from ml.tuning.sweep import Sweep
from ml.utils.typed_json import read_typed
from ml.workspace import Workspace

LIVE = ("running", "starting")


@dataclass(frozen=True)
class _Child:
    process: "subprocess.Popen[bytes]"
    requested_at: float


@st.cache_resource(show_spinner=False)
def _children() -> dict[Path, _Child]:
    """The last child for each search that this server has started."""
    return {}


def start(workspace: Workspace, sweep: Sweep) -> None:
    """Let a child begin the search, or go on with it where it was."""
    requested_at = time.time()
    command = ["tune", "--resume", sweep.id, "--workspace", str(workspace.root)]
    with (sweep.folder / "log.txt").open("ab") as log:
        _children()[sweep.folder] = _Child(spawn(command, log), requested_at)


def status(sweep: Sweep) -> Status:
    """As ``sweep.status``; ``starting`` until its child has taken it up."""
    child = _children().get(sweep.folder)
    if child is not None:
        worker = read_typed(sweep.folder / "worker.json", Worker) or {}
        claimed = worker.get("claimed", 0.0)
        if claimed < child.requested_at and child.process.poll() is None:
            return Status("starting")
        if claimed < child.requested_at and child.process.returncode:
            last_line = log_tail(sweep, 1) or "It left no word. Try again."
            return Status("failed", f"The search could not be started. {last_line}")
        child.process.poll()  # whoever has ended is let go
    return sweep.status
