"""Starts, stops and queues training. Training runs in children that outlive page and server.

Nothing is stored twice: what a run is doing follows from its folder (``ml.status``). One daemon
thread of one server in a workspace, elected by a file lock, starts the head of the queue when no
run of the queue is being trained. Runs started from a shell pass the queue by: they neither wait
in it nor hold it up.
"""

import logging
import os
import platform
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import streamlit as st
from filelock import FileLock, Timeout

from ml import runs
from ml.config import TrainConfig
from ml.files import read_json
from ml.runs import Run
from ml.status import Status
from ml.workspace import Workspace

ROOT = Path(__file__).resolve().parent.parent
TICK_SECONDS = 0.5
LOG_BYTES = 65536

_statuses: dict[Path, tuple[tuple[Any, ...], Status]] = {}


def status(run: Run) -> Status:
    """``run.status``, remembered for runs that are over until one of their files changes."""
    signature = tuple(
        _stamp(run.folder / name) for name in ("worker.json", "meta.json", "events.jsonl")
    )
    known = _statuses.get(run.folder)
    if known and known[0] == signature and known[1].name != "running":
        return known[1]
    found = run.status
    _statuses[run.folder] = (signature, found)
    return found


def with_status(workspace: Workspace, name: str) -> list[Run]:
    """The runs of one status: queued ones first in line first, others oldest first."""
    found = [run for run in runs.list_runs(workspace) if status(run).name == name]
    return sorted(found, key=runs.place_in_queue) if name == "queued" else found


def position(workspace: Workspace, run: Run) -> int:
    """How many runs are ahead of ``run`` in the queue, the one being trained not counted."""
    waiting = [other.id for other in with_status(workspace, "queued")]
    return waiting.index(run.id) if run.id in waiting else 0


def start(
    workspace: Workspace, config: TrainConfig, record: dict[str, Any], *, parent: str | None = None
) -> Run:
    """Make a run and put it into the queue. ``record`` says which pictures it uses."""
    run = runs.create(workspace, config, record, parent=parent)
    attend(workspace).wake.set()
    return run


def retry(workspace: Workspace, run: Run) -> Run:
    """A new run with the settings and the pictures of ``run``."""
    return start(workspace, run.config, run.dataset, parent=run.id)


def resume(workspace: Workspace, run: Run, epochs: int | None = None) -> None:
    """Put a run that is over into the queue again, to go on where it was."""
    run.ask_to_resume(epochs)
    attend(workspace).wake.set()


def stop(workspace: Workspace, run: Run) -> None:
    """Ask a running run to stop; take a queued one out of the queue, into the trash."""
    if status(run).name == "queued":
        runs.delete(workspace, run)
    else:
        run.ask_to_stop()


def kill(run: Run) -> None:
    """End the worker of ``run`` at once; the run is then interrupted."""
    runs.kill(run)


def log_tail(run: Run, lines: int = 200) -> str:
    """The last lines that the worker wrote, as text."""
    try:
        with (run.folder / "log.txt").open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - LOG_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


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


class Dispatcher(threading.Thread):
    """Starts queued runs, one at a time. ``wake`` makes it look at once."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(name="dispatcher", daemon=True)
        self.workspace = workspace
        self.wake = threading.Event()
        self.over = threading.Event()
        self._children: dict[str, tuple[subprocess.Popen[bytes], float]] = {}

    def run(self) -> None:
        """Wait to be elected, then serve until ``over`` is set or the process ends."""
        lock = FileLock(self.workspace.root / ".dispatcher.lock")
        while not self.over.is_set():
            self.wake.wait(TICK_SECONDS)
            self.wake.clear()
            try:
                self._reap()
                if not lock.is_locked:
                    lock.acquire(timeout=0)
                self.look()
            except Timeout:
                continue  # another server of this workspace does it
            except Exception:
                logging.exception("The queue could not be served this time.")
        lock.release()

    def look(self) -> None:
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
        """Take note of ended children. One that died before it took its run up must not be
        started again and again: its run has failed, with the last line that it wrote."""
        for identifier, (child, started) in list(self._children.items()):
            if child.poll() is None:
                continue
            del self._children[identifier]
            run = Run(self.workspace.runs / identifier)
            if run.folder.is_dir() and run.status.name == "queued":
                if runs.place_in_queue(run) > started:
                    continue  # asked for again since
                last = (log_tail(run, 1) or "It wrote nothing.").strip()
                run.refuse(f"The training ended before it began. It said: {last}")


@st.cache_resource(show_spinner=False)
def _dispatcher(root: Path) -> Dispatcher:
    dispatcher = Dispatcher(Workspace(root))
    dispatcher.start()
    return dispatcher


def attend(workspace: Workspace) -> Dispatcher:
    """The dispatcher of this server for ``workspace``; started at the first call."""
    return _dispatcher(workspace.root)


def _of_queue(run: Run) -> bool:
    """Whether a dispatcher of this computer started the worker that ``run`` has now."""
    worker = read_json(run.folder / "worker.json") or {}
    return worker.get("host") == platform.node() and "--run" in (worker.get("command") or [])


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
