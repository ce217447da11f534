"""How a trial does, by its validation curve alone, and when it is not worth going on. Pure."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ml.runs.events import EpochEnd, Event, RunStarted, surviving

FIRST = 3
"""So many whole trials are needed before one is judged by them."""
EARLIEST = 1 / 3
"""No trial ends before this share of its epochs: a rate that rises first looks bad at first."""


class Point(NamedTuple):
    """Where a trial stands after an epoch: ``share`` of its epochs, accuracy (0 to 1) and loss."""

    share: float
    accuracy: float
    loss: float


def curve_of(events: Iterable[Event]) -> list[Point]:
    """The validation curve of a run, from its events, without what was not measured."""
    kept = surviving(events)
    planned = max([event.epochs for event in kept if isinstance(event, RunStarted)] or [1])
    return [
        Point(event.epoch / planned, event.val_accuracy, event.val_loss)
        for event in kept
        if isinstance(event, EpochEnd)
        and event.val_accuracy is not None
        and event.val_loss is not None
        and math.isfinite(event.val_loss)
    ]


def best_of(curve: Sequence[Point]) -> Point | None:
    """The point that a run keeps: the most accurate, of equals the one with the least loss."""
    return max(curve, key=lambda point: (point.accuracy, -point.loss), default=None)


def score(point: Point, pictures: int) -> float:
    """One number that ranks as accuracy does and, among equals, as loss does, the lower the better.

    ``pictures`` is how many were measured on: half of what one of them weighs is left to the loss.
    """
    return point.accuracy - 0.5 / max(1, pictures) * point.loss / (1 + point.loss)


def is_behind(curve: Sequence[Point], others: Sequence[Sequence[Point]], pictures: int) -> bool:
    """Whether the trial of ``curve`` is clearly worse than half of the whole trials were by then.

    Each is taken with its best so far, so that one bad epoch ends nothing (the median rule of
    Golovin and others 2017, "Google Vizier"). Clearly is by more than a standard error of an
    accuracy on so many ``pictures``: few pictures tell little.
    """
    if len(others) < FIRST or not curve or curve[-1].share < EARLIEST or curve[-1].share >= 1:
        return False
    by_then = [
        score(best, pictures)
        for other in others
        if (best := best_of([point for point in other if point.share <= curve[-1].share + 1e-9]))
    ]
    mine = best_of(curve)
    if mine is None or len(by_then) < FIRST:
        return False
    middle = statistics.median(by_then)
    share = min(max(middle, 0.0), 1.0)
    return score(mine, pictures) < middle - math.sqrt(share * (1 - share) / max(1, pictures))
