"""What a training worker does besides training: beat, leave memory first, end with a word."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

from ml.events import Heartbeat, Sink
from ml.status import HEARTBEAT_SECONDS


@contextlib.contextmanager
def heartbeat(sink: Sink) -> Iterator[None]:
    """Send a ``Heartbeat`` at once and then every few seconds while the block runs."""
    over = threading.Event()
    process = psutil.Process()

    def beat() -> None:
        while True:
            memory = psutil.virtual_memory()
            sink(Heartbeat(process.memory_info().rss, memory.available, memory.total))
            if over.wait(HEARTBEAT_SECONDS):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def die_first() -> None:
    """When memory runs out, let the system end this worker rather than the page's server."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("700")
