"""Run list: the runs of a workspace as rows; a damaged run gets a row too."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.workers import engine
from ml.errors import BadInputError, MLError
from ml.evaluation.results import own_report
from ml.runs.events import EpochEnd, Event, RunEnded, RunStarted
from ml.runs.file_types import FILES
from ml.runs.folder import Run
from ml.workspace import Workspace

SUMMARY_FILES = ("config.json", "events.jsonl", *FILES)
TAIL_BYTES = 65536
"""Enough of the event log to hold its last start and end."""


@dataclass(frozen=True)
class Row:
    """One run. ``accuracy`` is 0 to 1 on the test pictures, ``interval`` its 95 % interval, and
    ``validation`` is the accuracy on the validation pictures, by which runs may be chosen.

    ``created`` and ``started`` (the last time) are in seconds since 1970, ``seconds`` is how long
    the last training took.
    ``damage`` is a sentence where the folder cannot be read as a run.
    """

    id: str
    name: str
    status: str = "damaged"
    reason: str = ""
    stopping: bool = False
    model: str = ""
    dataset: str = ""
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    validation: float | None = None
    created: float = 0.0
    started: float = 0.0
    seconds: float | None = None
    notes: str = ""
    usable: bool = False
    damage: str = ""

    @property
    def resumable(self) -> bool:
        """Whether training can go on where it was left."""
        return self.status in ("stopped", "interrupted", "failed", "finished")


SORTS: dict[str, tuple[Callable[[Row], Any], bool]] = {
    "Newest first": (lambda row: row.created, True),
    "Oldest first": (lambda row: row.created, False),
    "Best on validation first": (
        lambda row: -1.0 if row.validation is None else row.validation,
        True,
    ),
    "Name": (lambda row: row.name.casefold(), False),
    "Data set": (lambda row: (row.dataset.casefold(), -row.created), False),
    "Model": (lambda row: (row.model, -row.created), False),
    "Status": (lambda row: (row.status, -row.created), False),
}


def rows(workspace: Workspace, sort: str = "Newest first") -> list[Row]:
    """All runs in the order of ``sort``, a key of ``SORTS``."""
    key, descending = SORTS[sort]
    return sorted(map(row, folders(workspace.runs)), key=key, reverse=descending)


def folders(parent: Path) -> list[Path]:
    """The run folders in ``parent``, those without a configuration included."""
    try:
        return sorted(
            path for path in parent.iterdir() if path.is_dir() and not path.name.startswith(".")
        )
    except OSError:
        return []


def row(folder: Path) -> Row:
    """The row of one folder; a damaged one is a row that says so."""
    run = Run(folder)
    try:
        summary = _summary(folder, _signature(folder))
        status = engine.status(run)
    except MLError as error:
        return Row(folder.name, folder.name, damage=str(error), created=_age(folder))
    seconds = summary.seconds
    if status.name == "running":
        seconds = time.time() - summary.started if summary.started else None
    return replace(
        summary,
        status=status.name,
        reason=status.reason,
        stopping=status.stopping,
        seconds=seconds,
    )


def _signature(folder: Path) -> tuple[tuple[int, int] | None, ...]:
    """Changes whenever one of the files does that a row is read from."""
    signature: list[tuple[int, int] | None] = []
    for name in SUMMARY_FILES:
        try:
            status = (folder / name).stat()
            signature.append((status.st_mtime_ns, status.st_size))
        except OSError:
            signature.append(None)
    return tuple(signature)


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


@st.cache_data(max_entries=2000, show_spinner=False)
def _summary(folder: Path, signature: tuple[tuple[int, int] | None, ...]) -> Row:
    """What the files say, all but the status, which depends on the worker as well.

    ``signature`` changes with the files: it is there for the cache's key.
    """
    run = Run(folder)
    if run.damage:
        raise BadInputError(run.damage)
    config, meta = run.config, run.meta
    events, _offset = run.events(max(0, _size(folder / "events.jsonl") - TAIL_BYTES))
    last_end = next((item for item in reversed(events) if isinstance(item, RunEnded)), None)
    last_start = next((item for item in reversed(events) if isinstance(item, RunStarted)), None)
    summary = Row(
        id=run.id,
        name=run.name,
        model=config.model,
        dataset=config.dataset,
        created=float(meta.get("created") or _age(folder)),
        started=last_start.time if last_start else 0.0,
        seconds=last_end.seconds if last_end else None,
        validation=_validation(events, last_end),
        notes=str(meta.get("notes") or ""),
        usable=run.model is not None,
    )
    report = own_report(run)
    if report is None:
        return summary
    low, high = (report.get("intervals") or {}).get("accuracy") or (None, None)
    interval = None if low is None or high is None else (float(low), float(high))
    return replace(summary, accuracy=float(report["accuracy"]), interval=interval)


def _validation(events: Sequence[Event], last_end: RunEnded | None) -> float | None:
    """The accuracy of the best model on the validation pictures; None where it is not known."""
    if last_end and (accuracy := last_end.validation.get("accuracy")) is not None:
        return accuracy
    best = [one.val_accuracy for one in events if isinstance(one, EpochEnd) and one.best]
    return best[-1] if best else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def readable(run: Run) -> bool:
    """Whether the folder of ``run`` can be read as a run: a page can speak of it."""
    return not row(run.folder).damage


def newest_tested(workspace: Workspace) -> Run | None:
    """The newest run with a report and a model; None where there is none."""
    tested = (
        candidate
        for candidate in rows(workspace)
        if candidate.usable and candidate.accuracy is not None
    )
    newest = next(tested, None)
    return Run(workspace.runs / newest.id) if newest else None


def usable(run: Run) -> bool:
    """Whether ``run`` has a whole model, so that it can classify."""
    return row(run.folder).usable
