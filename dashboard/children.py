"""Child processes: ``python -m ml ...`` in the background, out of reach of Ctrl-C."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent


def spawn(command: list[str], log: Any, **environment: str) -> "subprocess.Popen[bytes]":
    """Start ``python -m ml ...`` in the background: at low priority, and out of reach of Ctrl-C.

    ``log`` takes what it prints. The child leaves one core to the pages.
    """
    threads = max(1, (os.cpu_count() or 2) - 1)
    settings: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        settings = {
            "creationflags": subprocess.DETACHED_PROCESS
            | subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
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
            **environment,
        },
        **settings,
    )
    if sys.platform != "win32":
        try:  # before it has made a thread of its own, which would keep the old priority
            psutil.Process(child.pid).nice(10)
        except psutil.Error:
            logging.debug("The priority of %d could not be lowered.", child.pid)
    return child
