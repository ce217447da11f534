"""What a run is doing, derived from its files each time it is asked for and stored nowhere.

The statuses and what leads from one to another stand in ``TRANSITIONS``.
"""

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from ml.events import Event, Heartbeat, RunEnded, RunStarted, read
from ml.files import read_json

TRANSITIONS: dict[str, frozenset[str]] = {
    "queued": frozenset({"running", "deleted"}),
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
    """Who this process is: pid, the moment it started (seconds since 1970), and the host."""
    return {
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "host": platform.node(),
    }


def lives(worker: dict[str, object], heard: float, now: float | None = None) -> bool:
    """Whether the process that ``worker`` (from ``worker.json``) names is still there.

    On this host by pid and start time, so that a reused pid is not taken for it; on another by a
    last sign of life ``heard`` (seconds since 1970) under ``STALE_SECONDS`` ago.
    """
    if worker.get("host") != platform.node():
        return (time.time() if now is None else now) - heard < STALE_SECONDS
    try:
        process = psutil.Process(int(str(worker["pid"])))
        same = abs(process.create_time() - float(str(worker["started"]))) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, ValueError):
        return False


def status_of(folder: Path) -> Status:
    """The status of the run in ``folder``."""
    worker = read_json(folder / "worker.json")
    meta = read_json(folder / "meta.json") or {}
    claimed = float(worker.get("claimed", 0.0)) if isinstance(worker, dict) else 0.0
    asked = float((meta.get("resume") or {}).get("asked", 0.0))
    if not isinstance(worker, dict) or asked > claimed:
        refused = meta.get("refused") or {}
        if float(refused.get("time", 0.0)) > max(asked, claimed):
            return Status("failed", str(refused.get("reason", "")))
        return Status("queued")
    events = [event for event in _tail(folder / "events.jsonl") if event.time >= claimed]
    return derive(events, lives(worker, _last_sign(events, claimed)), (folder / "stop").exists())


def derive(events: list[Event], alive: bool, asked_to_stop: bool = False) -> Status:
    """The status from the events of the worker that has the run now, and whether it lives."""
    last = next(
        (event for event in reversed(events) if isinstance(event, (RunStarted, RunEnded))), None
    )
    if isinstance(last, RunEnded):
        return Status(last.outcome, last.reason)
    if alive:
        return Status("running", stopping=asked_to_stop)
    beat = next((event for event in reversed(events) if isinstance(event, Heartbeat)), None)
    if beat and beat.memory_total and beat.memory_free < SCARCE_MEMORY * beat.memory_total:
        return Status(
            "interrupted",
            "The worker ran out of memory. Choose a smaller batch or picture size and resume.",
        )
    return Status(
        "interrupted", "The worker ended without a word: it was killed, or the machine went down."
    )


def _tail(log: Path) -> list[Event]:
    """The last events: the status needs no more, and a long run's log is long."""
    try:
        start = max(0, log.stat().st_size - TAIL_BYTES)
    except OSError:
        return []
    return read(log, start)[0]


def _last_sign(events: list[Event], claimed: float) -> float:
    return max((event.time for event in events), default=claimed)
