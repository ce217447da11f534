"""Queue of runs: their order, claiming a run, and ending a worker.

Who starts the first in line is ``dashboard.workers.dispatcher``.
"""

import contextlib
import platform
from typing import Any

import psutil

from ml.errors import BadInputError
from ml.runs import status as run_status
from ml.runs.file_types import Worker
from ml.runs.folder import Run, locked
from ml.utils.files import write_json
from ml.utils.typed_json import read_typed


def claim(run: Run, *, resume: bool = False) -> dict[str, Any]:
    """Make this process the worker of ``run``: writes ``worker.json``, clears old requests to end.

    Raises:
        BadInputError: another worker has it, or it was started before and ``resume`` is false.
    """
    with locked(run.folder / ".claim.lock"):
        status = run.status
        if status.name == "running":
            raise BadInputError(f"Run {run.id} is being trained already. Stop it first.")
        if status.name != "queued" and not resume:
            raise BadInputError(
                f"Run {run.id} is {status.name}. Resume it with: "
                f"python -m ml train --resume {run.id}"
            )
        log = run.folder / "events.jsonl"
        size = log.stat().st_size if log.exists() else 0
        worker = run_status.worker_record(asked=run_status.asked_of(run.meta), log_size=size)
        for request in ("stop", "killed"):  # to the worker before
            (run.folder / request).unlink(missing_ok=True)
        for torn in (run.folder / "checkpoints").glob(".*.part"):  # of a worker that was killed
            torn.unlink(missing_ok=True)
        write_json(run.folder / "worker.json", worker)
        return worker


def place_in_queue(run: Run) -> float:
    """When ``run`` was put into the queue, last or first, in seconds since 1970."""
    meta = run.meta
    return run_status.asked_of(meta) or float(meta.get("created") or 0.0)


def kill(run: Run) -> None:
    """End the worker of ``run`` at once, where it lives on this host; the run is interrupted.

    The file ``killed`` is written first, so that the status never calls this end unexplained. A
    full disk does not keep the worker alive.
    """
    worker = read_typed(run.folder / "worker.json", Worker) or {}
    if worker.get("host") == platform.node() and run_status.lives(worker, 0.0):
        with contextlib.suppress(OSError):
            (run.folder / "killed").touch()
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(int(worker["pid"])).kill()
