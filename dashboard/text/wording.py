"""Wording: numbers and states in words, the same on every page."""

import math
import time

from ml.text.format import count, duration, number, percentage, size

__all__ = ["PHASE_WORDS", "STATUS_WORDS", "ago", "count", "duration", "large", "number"]
__all__ += ["percentage", "roughly", "size", "unique"]

STATUS_WORDS = {
    "queued": "Waiting",
    "running": "Running",
    "stopped": "Stopped",
    "finished": "Finished",
    "failed": "Failed",
    "interrupted": "Interrupted",
}

PHASE_WORDS = {
    "prepare": "Preparing",
    "download": "Fetching weights",
    "features": "Looking at pictures",
    "train": "Training",
    "evaluate": "Testing",
    "export": "Packing the model",
    "folds": "Training on folds",
}


def roughly(seconds: float) -> str:
    """An estimate, no finer than it can be.

    >>> roughly(42), roughly(70), roughly(500), roughly(9000)
    ('45 s', '1 min', '8 min', '2.5 h')
    """
    if seconds < 58:
        return f"{max(5, 5 * math.ceil(seconds / 5))} s"
    if seconds < 3600:
        return f"{max(1, round(seconds / 60))} min"
    return f"{seconds / 3600:.2g} h"


def ago(moment: float, now: float | None = None) -> str:
    """How long ago ``moment`` (seconds since 1970) was.

    >>> ago(100.0, now=100.0), ago(0.0, now=7200.0)
    ('just now', '2 h ago')
    """
    seconds = (time.time() if now is None else now) - moment
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 86400:
        return f"{seconds / 3600:.0f} h ago"
    return time.strftime("%d %b %Y", time.localtime(moment))


def unique(labels: dict[str, str]) -> dict[str, str]:
    """``labels`` by key, told apart where two are the same: a browser knows an option by its label.

    >>> unique({"a": "cats", "b": "cats", "c": "dogs"})
    {'a': 'cats', 'b': 'cats (2)', 'c': 'dogs'}
    """
    unique_labels: dict[str, str] = {}
    for key, label in labels.items():
        number, candidate = 1, label
        while candidate in unique_labels.values():
            number += 1
            candidate = f"{label} ({number})"
        unique_labels[key] = candidate
    return unique_labels


def large(value: int) -> str:
    """A large count, with three digits that matter.

    >>> large(27_500), large(3_380_000), large(15_420_000_000)
    ('27,500', '3.38 million', '15.4 billion')
    """
    for unit, word in ((10**9, " billion"), (10**6, " million")):
        if value >= unit:
            return f"{number(value / unit)}{word}"
    return f"{value:,}"
