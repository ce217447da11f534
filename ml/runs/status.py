"""Status of a run, derived from its files on each request and stored nowhere.

The statuses and what leads from one to another stand in ``TRANSITIONS``.
"""

import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from ml.runs.events import Event, Heartbeat, RunEnded, RunStarted, read
from ml.runs.file_types import Meta, Worker
from ml.utils.typed_json import read_typed

TRANSITIONS: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "failed", "deleted"}),
    "running": frozenset({"stopped", "finished", "failed", "interrupted"}),
    "stopped": frozenset({"queued", "running", "deleted"}),
    "finished": frozenset({"queued", "running", "deleted"}),
    "failed": frozenset({"queued", "running", "deleted"}),
    "interrupted": frozenset({"queued", "running", "deleted"}),
    "deleted": frozenset(),
}

HEARTBEAT_SECONDS = 5.0
STALE_SECONDS = 30.0
SCARCE_MEMORY = 0.05
"""Below this share of free memory at the last heartbeat, a sudden end is called out of memory."""
TAIL_BYTES = 65536


@dataclass(frozen=True)
class Status:
    """``name`` is a key of ``TRANSITIONS``; ``reason`` a sentence where there is something to say.

    ``stopping`` is true for a running run that was asked to stop.
    """

    name: str
    reason: str = ""
    stopping: bool = False


def identity() -> dict[str, object]:
    """Who this process is: pid, the moment it started (see ``start_of``), and the host."""
    return {
        "pid": os.getpid(),
        "started": start_of(psutil.Process()),
        "host": platform.node(),
    }


def worker_record(asked: float, log_size: int) -> dict[str, Any]:
    """What ``worker.json`` says of this process.

    ``asked`` is when the resume that it answers was asked for (see ``asked_of``), ``log_size`` the
    length of the event log by then, in bytes.
    """
    return {
        **identity(),
        "claimed": time.time(),
        "asked": asked,
        "log_size": log_size,
        "command": [sys.executable, *sys.argv],
        "platform": platform.platform(),
    }


def start_of(process: psutil.Process) -> float:
    """When a process started: seconds since 1970; on Linux since the machine's start.

    There the former moves whenever somebody sets the clock, and a living worker would look dead.
    """
    created = process.create_time()
    return created - psutil.boot_time() if sys.platform == "linux" else created


def age() -> float:
    """For how many seconds this process has been there. By the boot alone on Linux: the moment of
    that is known to a second only, and the clock may have been set since."""
    started = start_of(psutil.Process())
    clock = getattr(time, "CLOCK_BOOTTIME", None) if sys.platform == "linux" else None
    return (time.time() if clock is None else time.clock_gettime(clock)) - started


def lives(worker: dict[str, object], heard: float, now: float | None = None) -> bool:
    """Whether the process that ``worker`` (from ``worker.json``) names is still there.

    On this host by pid and start time, so that a reused pid is not taken for it; on another by a
    last sign of life ``heard`` (seconds since 1970) under ``STALE_SECONDS`` ago.
    """
    beating = (time.time() if now is None else now) - heard < STALE_SECONDS
    if worker.get("host") != platform.node():
        return beating
    try:
        process = psutil.Process(int(str(worker["pid"])))
        same = abs(start_of(process) - float(str(worker["started"]))) < 0.1
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.AccessDenied:  # somebody's process, and we may not look at it
        return beating
    except (psutil.Error, KeyError, ValueError, OverflowError):
        return False


def status_of(folder: Path) -> Status:
    """The status of the run in ``folder``.

    What belongs together is told by what answers what, never by comparing clocks: they may be set
    between two writings, and differ between two machines.
    """
    claimed = (folder / "worker.json").exists()
    worker = read_typed(folder / "worker.json", Worker) or {}
    meta = read_typed(folder / "meta.json", Meta) or {}
    asked = asked_of(meta)
    if not claimed or (asked and asked != worker.get("asked")):
        refused = meta.get("refused") or {}
        if refused.get("asked") == asked:
            return Status("failed", str(refused.get("reason", "")))
        return Status("queued")
    events = _tail(folder / "events.jsonl", worker.get("log_size", 0))
    heard = max([event.time for event in events], default=worker.get("claimed", 0.0))
    return derive(
        events,
        lives(worker, heard),
        asked_to_stop=(folder / "stop").exists(),
        killed=(folder / "killed").exists(),
    )


def asked_of(meta: dict[str, Any]) -> float:
    """When ``meta`` asks for the run to be resumed, in seconds since 1970; 0 where it does not."""
    return float((meta.get("resume") or {}).get("asked", 0.0))


def derive(
    events: list[Event], alive: bool, asked_to_stop: bool = False, killed: bool = False
) -> Status:
    """The status from the events of the worker that has the run now, and whether it lives.

    ``killed``: somebody asked for the worker to be ended at once (``ml.runs.queue.kill``).
    """
    last = next(
        (event for event in reversed(events) if isinstance(event, (RunStarted, RunEnded))), None
    )
    if isinstance(last, RunEnded):
        known = last.outcome in ("finished", "stopped", "failed")
        return Status(last.outcome if known else "failed", last.reason)
    if alive:
        return Status("running", stopping=asked_to_stop)
    if killed:
        return Status("interrupted", "Ended at once, as you asked. Resume it to go on.")
    beat = next((event for event in reversed(events) if isinstance(event, Heartbeat)), None)
    if beat and beat.memory_total and beat.memory_free < SCARCE_MEMORY * beat.memory_total:
        return Status(
            "interrupted",
            "The worker ran out of memory. Choose a smaller batch or picture size and resume.",
        )
    return Status(
        "interrupted", "The worker ended without a word: it was killed, or the machine went down."
    )


def _tail(log: Path, start: int) -> list[Event]:
    """The last events from byte ``start`` on: the status needs no more, and logs grow long."""
    try:
        return read(log, max(start, log.stat().st_size - TAIL_BYTES))[0]
    except OSError:
        return []
