"""Child processes: ``python -m ml ...`` in the background, out of reach of Ctrl-C."""

import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from ml.hardware import MEMORY_LIMIT, accelerator
from ml.hardware import PARENT as PARENT
from ml.utils.environment import value

ROOT = Path(__file__).resolve().parents[2]
NICE = 10
MAX_INGEST_BYTES = 3 * 2**30
"""Of memory for each process of an ingest: far more than its largest pictures take together."""
MAX_MEMORY_SHARE = 0.9
"""Of the machine's memory, for each other child: beyond that the system ends what it likes."""
PRIORITY = "LENSMITH_PRIORITY"
"""``normal`` in the environment: children take their full share, beside the pages or not."""


def spawn(command: list[str], log: Any, **environment: str) -> "subprocess.Popen[bytes]":
    """Start ``python -m ml ...`` in the background: at low priority, but see ``PRIORITY``, and
    out of reach of Ctrl-C.

    ``log`` takes what it prints. The child leaves one core to the pages.
    """
    threads = max(1, (os.cpu_count() or 2) - 1)
    settings: dict[str, Any] = {"start_new_session": True}
    gives_way = not value(PRIORITY)
    if sys.platform == "win32":
        lower = subprocess.BELOW_NORMAL_PRIORITY_CLASS if gives_way else 0
        settings = {
            "creationflags": subprocess.DETACHED_PROCESS
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | lower
        }
    child = subprocess.Popen(
        [sys.executable, "-m", "ml", *command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env={
            **os.environ,
            "LENSMITH_THREADS": str(threads),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            MEMORY_LIMIT: str(memory_limit(command)),
            **environment,
        },
        **settings,
    )
    if gives_way and sys.platform != "win32":
        _lower_priority(child.pid)
    return child


def memory_limit(command: list[str]) -> int:
    """How many bytes the child of a command may allocate; 0 for no limit.

    A driver of a graphics card reserves more addresses than there is memory, so there only an
    ingest, which uses none, has a limit.
    """
    most = int(MAX_MEMORY_SHARE * psutil.virtual_memory().total)
    if command[0] == "ingest":
        return min(MAX_INGEST_BYTES, most)
    return most if accelerator() == "cpu" else 0


def _lower_priority(pid: int) -> None:
    """Let the pages go first. Call it before the child has made a thread of its own, which would
    keep the old priority.

    Linux weighs sessions against one another before it weighs processes (``man 7 sched``,
    autogroup): in a session of its own the child's nice value alone would change nothing. It keeps
    a tenth of a busy core that way. As an idle task it leaves a core at once when a page needs one.
    """
    try:
        psutil.Process(pid).nice(NICE)
        if sys.platform == "linux":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
            with suppress(FileNotFoundError):  # a kernel without this
                Path(f"/proc/{pid}/autogroup").write_text(str(NICE))
    except (psutil.Error, OSError):
        logging.debug("The priority of %d could not be lowered.", pid)
