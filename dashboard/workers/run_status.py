"""Run status and queue order, cached for the pages. Nothing here starts or stops a run.

What orders the queue is ``ml.runs.queue.place_in_queue``.
"""

import os
from pathlib import Path
from typing import Any

from ml.runs import folder as runs
from ml.runs import queue
from ml.runs.folder import Run
from ml.runs.status import Status
from ml.tuning.sweep import Sweep
from ml.workspace import Workspace

MAX_LOG_BYTES = 65536

_statuses: dict[Path, tuple[tuple[Any, ...], Status]] = {}


def status(run: Run) -> Status:
    """``run.status``, remembered for runs that are over until one of their files changes."""
    signature = tuple(
        _stamp(run.folder / name) for name in ("worker.json", "meta.json", "events.jsonl")
    )
    cached = _statuses.get(run.folder)
    if cached and cached[0] == signature and cached[1].name != "running":
        return cached[1]
    current = run.status
    _statuses[run.folder] = (signature, current)
    return current


def with_status(workspace: Workspace, name: str) -> list[Run]:
    """The runs of one status: queued ones first in line first, others oldest first."""
    matching = [run for run in runs.list_runs(workspace) if status(run).name == name]
    return sorted(matching, key=queue.place_in_queue) if name == "queued" else matching


def position(workspace: Workspace, run: Run) -> int:
    """How many runs are ahead of ``run`` in the queue, the one being trained not counted."""
    waiting = [other.id for other in with_status(workspace, "queued")]
    return waiting.index(run.id) if run.id in waiting else 0


def log_tail(run: Run | Sweep, lines: int = 200) -> str:
    """The last lines that the worker of a run or a search wrote, as text; empty ones left out."""
    try:
        with (run.folder / "log.txt").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MAX_LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        file = path.stat()
    except OSError:
        return None
    return file.st_mtime_ns, file.st_size
