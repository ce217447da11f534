"""Event log of a run: typed events, one JSON object a line, appended in order.

A line counts once its newline is there: a torn last line is not an event yet. No event depends on
the one after it, so whoever reads may stop at any line. This module is light: it imports no torch.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any, ClassVar, TypedDict

from ml.utils.files import encode_json, explain_os_error
from ml.utils.typed_json import MAX_FLOAT, Count, Moment, Seconds, fits, parse_json


@dataclass(frozen=True)
class Event:
    """Base of all events. ``time`` is in seconds since 1970."""

    registry: ClassVar[dict[str, type["Event"]]] = {}
    time: Moment = field(default_factory=time.time, kw_only=True)

    def __init_subclass__(cls) -> None:
        cls.registry[cls.__name__] = cls


@dataclass(frozen=True)
class RunStarted(Event):
    """A worker took the run up, first or again (``resumed``).

    ``step`` and ``epoch`` say how much is already done: events of a later step that stand before
    this one in the log were lost with the worker that wrote them. ``unit`` is what an epoch is: a
    pass over the pictures, or one ``penalty`` of a regression.
    """

    model: str
    dataset: str
    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    step: int = 0
    resumed: bool = False
    device: str = "cpu"
    train_pictures: int = 0
    versions: dict[str, str] = field(default_factory=dict)
    choices: dict[str, Any] = field(default_factory=dict)
    unit: str = "epoch"


@dataclass(frozen=True)
class Progress(Event):
    """Where the work stands; at most four a second.

    ``phase`` is one of prepare, download, features, train, export, evaluate, folds. ``fraction`` is
    that of the phase, 0 to 1; ``seconds_left`` that of the whole run. ``loss`` and ``accuracy``
    (0 to 1) are means over the training steps since the event before; ``metrics`` holds those of
    the other live metrics by name (see ``ml.metrics.live``).
    """

    phase: str
    fraction: float
    step: int = 0
    epoch: int = 0
    seconds_left: Seconds | None = None
    loss: float | None = None
    accuracy: float | None = None
    learning_rate: float | None = None
    pictures_per_second: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)


class Mistake(TypedDict):
    """A picture that the model has wrong: its hash, two classes by number, a probability."""

    picture: str
    label: Count
    predicted: Count
    probability: float | None


@dataclass(frozen=True)
class EpochEnd(Event):
    """An epoch is over; ``epoch`` counts from 1. Accuracies are 0 to 1.

    ``mistakes`` are a few validation pictures that the model has wrong now, the most confident
    first.
    ``unpredicted`` are the classes that have validation pictures and were answered for none.
    ``train_metrics`` and ``val_metrics`` hold the live metrics besides loss and accuracy by name.
    """

    epoch: int
    step: int
    train_loss: float | None
    train_accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    learning_rate: float | None = None
    seconds: Seconds | None = None
    best: bool = False
    mistakes: list[Mistake] = field(default_factory=list)
    unpredicted: list[str] = field(default_factory=list)
    train_metrics: dict[str, float] = field(default_factory=dict)
    val_metrics: dict[str, float] = field(default_factory=dict)

    def validation(self, metric: str) -> float | None:
        """The value of a live metric on the validation pictures; None where it was not measured."""
        value = getattr(self, f"val_{metric}", None)
        return self.val_metrics.get(metric) if value is None else value


@dataclass(frozen=True)
class Note(Event):
    """A remark in plain words. ``level`` is info, good or warning; ``code`` names its kind.

    ``change`` holds the settings with which to try again, where that is what to do next.
    """

    text: str
    level: str = "info"
    code: str = ""
    change: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Heartbeat(Event):
    """The worker lives. Memory in bytes: its own, and what the machine has free for it."""

    memory_used: int
    memory_free: int
    memory_total: int = 0


@dataclass(frozen=True)
class RunEnded(Event):
    """The last event of a worker, after evaluation and export.

    ``outcome`` is finished, stopped or failed; ``reason`` the sentence for the last two.
    """

    outcome: str
    reason: str = ""
    validation: dict[str, float] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    epochs: int = 0
    seconds: Seconds = 0.0


Sink = Callable[[Event], None]
MAX_READ_BYTES = 4 * 2**20
"""Of a log, for a chart: some 20,000 events, half a second."""
MAX_LINE_BYTES = 2**20
FREQUENT = (b'"event":"Progress"', b'"event":"Heartbeat"')
"""How lines of events that come several a second begin."""
MAX_KIND_LENGTH = 40


def _plain(value: Any) -> Any:
    """``value`` with what JSON cannot say (not a number, infinite, next to that) as None."""
    if isinstance(value, float) and not -MAX_FLOAT <= value <= MAX_FLOAT:
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def encode(event: Event) -> bytes:
    """One line of the log, newline included."""
    content = {"event": type(event).__name__, **_plain(asdict(event))}
    return encode_json(json.dumps(content, ensure_ascii=False, separators=(",", ":"))) + b"\n"


def decode(line: bytes) -> Event | None:
    """The event of a line; None for a broken line or a kind that this version does not know."""
    try:
        content = parse_json(line)
    except ValueError:
        return None
    name = content.get("event") if isinstance(content, dict) else None
    kind = Event.registry.get(name) if isinstance(name, str) else None
    if kind is None or "time" not in content or not fits(content, kind):
        return None
    known = {item.name for item in fields(kind)}
    return kind(**{key: value for key, value in content.items() if key in known})


class EventLog:
    """A sink that appends to a file. Safe to share between threads of one process.

    Raises:
        WorkspaceError: the log cannot be written, at opening or at an event.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._torn = False
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.open(path, flags, 0o644)
            size = os.fstat(self._file).st_size
            if size:
                os.lseek(self._file, size - 1, os.SEEK_SET)
                if os.read(self._file, 1) != b"\n":  # torn by a crash: close that line
                    os.write(self._file, b"\n")
        except OSError as error:
            raise explain_os_error(error, path) from error

    def __call__(self, event: Event) -> None:
        """Append one event."""
        with self._lock:
            line = b"\n" + encode(event) if self._torn else encode(event)
            self._torn = True  # until the whole line is there
            try:
                while line:  # a disk that is nearly full takes a part of it
                    line = line[os.write(self._file, line) :]
            except OSError as error:
                raise explain_os_error(error, self.path) from error
            self._torn = False

    def close(self) -> None:
        """Close the file; further events raise."""
        with self._lock:
            os.close(self._file)


def read(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The events from byte ``offset`` on, and the offset to go on from.

    A torn last line is left for the next call. No such file reads as empty.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], offset
    complete_lines = data[: data.rfind(b"\n") + 1]
    decoded = (decode(line) for line in complete_lines.splitlines())
    return [event for event in decoded if event is not None], offset + len(complete_lines)


def read_thinned(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """As ``read``, for a chart: of more than ``MAX_READ_BYTES``, an even part of the events that
    come often. All others are there."""
    try:
        size = path.stat().st_size - offset
        if size <= MAX_READ_BYTES:
            return read(path, offset)
        with path.open("rb") as file:
            file.seek(offset)
            lines, end = _thinned(file, -(-size // MAX_READ_BYTES))
    except OSError:
        return [], offset
    decoded = (decode(line) for line in lines)
    return [event for event in decoded if event is not None], offset + end


def _thinned(file: IO[bytes], step: int) -> tuple[list[bytes], int]:
    """The lines to decode, of frequent events one in ``step``, and how many bytes all take."""
    kept: list[bytes] = []
    size, counts = 0, dict.fromkeys(FREQUENT, 0)
    for line in file:
        if not line.endswith(b"\n"):
            break
        size += len(line)
        kind = next((one for one in FREQUENT if one in line[:MAX_KIND_LENGTH]), None)
        if len(line) > MAX_LINE_BYTES:
            continue
        if kind is not None:
            counts[kind] += 1
            if counts[kind] % step:
                continue
        kept.append(line)
    return kept, size


def surviving(events: Iterable[Event]) -> list[Event]:
    """``events`` without the training steps that a resumed run did over again.

    >>> first = [EpochEnd(1, 10, 0, 0, 0, 0), EpochEnd(2, 20, 0, 0, 0, 0)]
    >>> again = RunStarted("m", "d", 3, 10, epoch=1, step=10, resumed=True)
    >>> [type(event).__name__ for event in surviving([*first, again])]
    ['EpochEnd', 'RunStarted']
    """
    survivors: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted) and event.resumed:
            survivors = [
                item
                for item in survivors
                if not (isinstance(item, (Progress, EpochEnd)) and item.step > event.step)
            ]
        survivors.append(event)
    return survivors
