"""Dispatcher: the daemon thread that starts queued runs, one at a time, in one server per
workspace.

A file lock elects the server. The dispatcher holds no state that a restart would lose: which run is
training follows from the run folders.
"""

import logging
import platform
import subprocess
import threading
import time
from contextlib import suppress

from filelock import FileLock, Timeout

from dashboard.workers.process import spawn
from dashboard.workers.run_status import log_tail, with_status
from ml.runs import queue
from ml.runs.file_types import Worker
from ml.runs.folder import Run
from ml.utils.locks import remove_if_left
from ml.utils.typed_json import read_typed
from ml.workspace import Workspace

TICK_SECONDS = 0.5
RETRY_SECONDS = 10.0


class Dispatcher(threading.Thread):
    """Starts queued runs, one at a time. ``wake`` makes it look at once."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(name="dispatcher", daemon=True)
        self.workspace = workspace
        self.wake = threading.Event()
        self.stop_event = threading.Event()
        self._children: dict[str, tuple[subprocess.Popen[bytes], float]] = {}

    def run(self) -> None:
        """Wait to be elected, then serve until ``stop_event`` is set or the process ends."""
        path = self.workspace.root / ".dispatcher.lock"
        lock = FileLock(path)
        while not self.stop_event.is_set():
            self.wake.wait(TICK_SECONDS)
            self.wake.clear()
            try:
                self._reap()
                if not lock.is_locked:
                    lock.acquire(timeout=0)
                with suppress(OSError):  # a sign of life, where the file alone is the lock
                    path.touch()
                self.start_next()
            except Timeout:
                remove_if_left(lock, path)
                continue  # another server of this workspace is the dispatcher
            except Exception:
                logging.exception("The queue could not be served this time.")
                self.stop_event.wait(RETRY_SECONDS)
        lock.release()

    def start_next(self) -> None:
        """Start the head of the queue if nothing of the queue is being trained."""
        if self._children or any(map(_of_queue, with_status(self.workspace, "running"))):
            return
        waiting = with_status(self.workspace, "queued")
        if waiting:
            self._launch(waiting[0])

    def _launch(self, run: Run) -> None:
        command = ["train", "--run", run.id, "--workspace", str(self.workspace.root)]
        try:
            with (run.folder / "log.txt").open("ab") as log:
                self._children[run.id] = (spawn(command, log), time.time())
        except OSError as error:
            if run.folder.is_dir():
                run.refuse(f"The training could not be started: {error.strerror or error}.")

    def _reap(self) -> None:
        """Forget the children that have ended. A run whose child died before it began has failed,
        with the child's last line as reason, so that it is not started again and again."""
        for identifier, (child, started) in list(self._children.items()):
            if child.poll() is None:
                continue
            del self._children[identifier]
            run = Run(self.workspace.runs / identifier)
            if run.folder.is_dir() and run.status.name == "queued":
                if queue.place_in_queue(run) > started:
                    continue  # it was queued again since
                last = (log_tail(run, 1) or "It wrote nothing.").strip()
                run.refuse(f"The training ended before it began. It said: {last}")


def _of_queue(run: Run) -> bool:
    """Whether a dispatcher of this computer started the worker that ``run`` has now."""
    worker = read_typed(run.folder / "worker.json", Worker) or {}
    return worker.get("host") == platform.node() and "--run" in (worker.get("command") or [])
