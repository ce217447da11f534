"""Live state: the events of a run, gathered into the plain dictionary ``TrainState.live``.

A worker's events come out of its log (``follow``), those of a training in this process straight
from the callback (``session_sink``). The charts draw from the same dictionary in both cases.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dashboard.state.page_states import TrainState
from dashboard.state.stored import stored
from dashboard.text.wording import PHASE_WORDS
from ml.metrics.live import DECIDING, LiveMetric, live_metrics
from ml.runs.events import Event, Progress, RunStarted, Sink, read, read_thinned
from ml.runs.file_types import Worker
from ml.runs.folder import Run
from ml.utils.typed_json import read_typed

Live = dict[str, Any]
TAIL_BYTES = 16384


def new(run: str = "") -> Live:
    """A live state without events.

    ``steps`` holds parallel lists, one entry for each progress report with a loss: ``step``,
    ``speed`` and one for each live metric, None where it was not measured. ``epochs`` holds one
    dictionary an epoch, with ``train_`` and ``val_`` before the names of live metrics.
    ``started``, ``progress``, ``heartbeat`` and ``ended`` are the last event of their kind or None;
    ``offset`` is how far the log has been read, in bytes.
    """
    return {
        "run": run,
        "offset": 0,
        "started": None,
        "progress": None,
        "heartbeat": None,
        "ended": None,
        "steps": {"step": [], "speed": [], **{metric.name: [] for metric in live_metrics()}},
        "epochs": [],
        "notes": [],
    }


def append(live: Live, event: Event) -> None:
    """Take one event in. Kinds are told by name, which a reload of the code does not change."""
    kind, content = type(event).__name__, asdict(event)
    if kind == "Progress":
        live["progress"] = content
        if content["loss"] is not None:
            steps = live["steps"]
            steps["step"].append(content["step"])
            steps["speed"].append(content["pictures_per_second"])
            for name in [metric.name for metric in live_metrics()]:
                measured = content["metrics"].get(name, content.get(name))
                unknown = [None] * (len(steps["step"]) - 1)  # before the metric was registered
                steps.setdefault(name, unknown).append(measured)
    elif kind == "EpochEnd":
        for side in ("train", "val"):
            values = content[f"{side}_metrics"]
            content |= {f"{side}_{name}": value for name, value in values.items()}
        live["epochs"].append(content)
    elif kind == "Note":
        live["notes"].append(content)
    elif kind == "Heartbeat":
        live["heartbeat"] = content
    elif kind == "RunEnded":
        live["ended"] = content
    elif kind == "RunStarted":
        _drop_after(live, content["step"])
        live |= {"started": content, "ended": None, "progress": None}


def _drop_after(live: Live, step: int) -> None:
    """Forget what came after ``step``: the worker that did it was lost and it is done again."""
    steps = live["steps"]
    places = [place for place, reported_step in enumerate(steps["step"]) if reported_step <= step]
    live["steps"] = {name: [values[place] for place in places] for name, values in steps.items()}
    live["epochs"] = [epoch for epoch in live["epochs"] if epoch["step"] <= step]


def follow(folder: Path, live: Live) -> int:
    """Take in what the log of the run in ``folder`` has got since; returns how many events.

    A ``live`` of another run is emptied first.
    """
    if live.get("run") != folder.name:
        live.clear()
        live.update(new(folder.name))
    events, live["offset"] = read_thinned(folder / "events.jsonl", live["offset"])
    for event in events:
        append(live, event)
    return len(events)


def session_live() -> Live:
    """The live state of this tab."""
    state = stored(TrainState)
    if state.live is None:
        state.live = new()
    return state.live


def session_sink() -> Sink:
    """A sink that feeds the live state of this tab, for training in this very process.

    Ask for it in a run of the page. It may then be called from any thread, since it holds the
    dictionary itself: session state is not there in a thread of one's own.
    """
    live = stored(TrainState).live = new()
    return lambda event: append(live, event)


def unit_of(live: Live) -> str:
    """What an epoch of the run is: ``epoch``, or ``penalty`` of a regression."""
    return str((live["started"] or {}).get("unit") or "epoch")


def surviving(live: Live) -> list[dict[str, Any]]:
    """The epochs that count, one a number, in order; of an epoch done twice the later."""
    return [by for _, by in sorted({epoch["epoch"]: epoch for epoch in live["epochs"]}.items())]


def drawn_metrics(live: Live) -> list[LiveMetric]:
    """The live metrics to draw: all before anything was measured, then those that were. A log of
    an older version lacks the later ones."""
    measured = {
        name for name, values in live["steps"].items() if any(v is not None for v in values)
    }
    measured |= {
        name.removeprefix("val_")
        for epoch in live["epochs"]
        for name, value in epoch.items()
        if name.startswith("val_") and value is not None
    }
    metrics = live_metrics()
    if not live["epochs"] and not live["steps"]["step"]:
        return metrics
    always = ("loss", DECIDING)
    return [metric for metric in metrics if metric.name in always or metric.name in measured]


def progress_of(run: Run, state: Live) -> dict[str, Any] | None:
    """The last progress that the worker of now has told; None while it has told nothing.

    What a worker before it said still stands in the log.
    """
    progress: dict[str, Any] | None = state["progress"]
    return progress if progress and progress["time"] >= claimed(run) else None


def claimed(run: Run) -> float:
    """When the worker of now took the run, in seconds since 1970; 0 without one."""
    worker = read_typed(run.folder / "worker.json", Worker) or {}
    return float(worker.get("claimed", 0.0))


def share(progress: dict[str, Any] | None) -> float:
    """How much of its phase is done, 0 to 1."""
    return min(1.0, max(0.0, float(progress["fraction"]))) if progress else 0.0


def latest(run: Run, stopping: bool = False) -> dict[str, Any]:
    """Where a run stands, from the end of its log alone (see ``stage``)."""
    log = run.folder / "events.jsonl"
    try:
        start = max(0, log.stat().st_size - TAIL_BYTES)
    except OSError:
        start = 0
    since = claimed(run)
    events = [event for event in read(log, start)[0] if event.time >= since]
    progress = next((event for event in reversed(events) if isinstance(event, Progress)), None)
    was_started = any(isinstance(event, RunStarted) for event in events)
    return stage(asdict(progress) if progress else None, was_started, stopping)


def stage(
    progress: dict[str, Any] | None, was_started: bool, stopping: bool = False
) -> dict[str, Any]:
    """Where a run stands, for every place that says so: ``words``, ``share`` of its phase (0 to 1)
    and ``seconds_left`` of the run, None where nobody knows.

    Args:
        progress: the last progress that its worker has told; None while it has told nothing.
        was_started: whether the worker has begun.
        stopping: whether it was asked to stop.
    """
    if progress is None:
        words = "Preparing" if was_started else "Starting"
    else:
        words = PHASE_WORDS.get(progress["phase"], progress["phase"])
    return {
        "words": "Stopping" if stopping else words,
        "share": share(progress),
        "seconds_left": progress["seconds_left"] if progress else None,
    }
