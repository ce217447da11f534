"""Worker process of a training: heartbeat, memory limit, and the last event."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from ml.runs.events import Heartbeat, Sink
from ml.runs.status import HEARTBEAT_SECONDS


@contextlib.contextmanager
def heartbeat(sink: Sink) -> Iterator[None]:
    """Send a ``Heartbeat`` at once and then every few seconds while the block runs. The memory is
    that of this process and of those that it started."""
    over = threading.Event()
    process = psutil.Process()

    def beat() -> None:
        while True:
            memory = psutil.virtual_memory()
            sink(Heartbeat(_used(process), memory.available, memory.total))
            if over.wait(HEARTBEAT_SECONDS):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _used(process: psutil.Process) -> int:
    used = int(process.memory_info().rss)
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            used += int(child.memory_info().rss)
    return used


def die_with_parent() -> None:
    """End this process once the one that started it is gone, whatever it is waiting for."""
    parent = psutil.Process().parent()

    def look() -> None:
        while parent is not None and parent.is_running():
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look, name="parent", daemon=True).start()


def die_first() -> None:
    """When memory runs out, let the system end this worker rather than the page's server."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("700")
