"""Phases of a run (prepare, download, features, export, ...): their progress as events."""

import time
from collections.abc import Callable

from ml.runs.events import Progress, Sink
from ml.training.callbacks import StopRequest

Progressing = Callable[[float], None]
"""Takes the share of a phase that is done, 0 to 1; raises StoppedError where that was asked for."""
EVENT_SECONDS = 0.25


def phases(sink: Sink, stop: StopRequest | None = None) -> Callable[[str], Progressing]:
    """``phases(sink)("prepare")`` is a progress function that sends at most four events a second.

    With ``stop`` it raises StoppedError once somebody has asked to stop.
    """
    sent_at = 0.0

    def of(phase: str) -> Progressing:
        def progress(fraction: float) -> None:
            nonlocal sent_at
            if stop:
                stop.check()
            now = time.monotonic()
            if now - sent_at >= EVENT_SECONDS or fraction in (0.0, 1.0):
                sent_at = now
                sink(Progress(phase, fraction))

        return progress

    return of
