"""Prune trials: score a validation curve and end a trial by the median rule. Pure."""

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ml.runs.events import EpochEnd, Event, RunStarted, surviving

MIN_FINISHED_TRIALS = 3
"""No trial is pruned before so many others are finished."""
MIN_SHARE_OF_EPOCHS = 1 / 3
"""No trial is pruned before this share of its epochs: during a warm-up every curve is poor."""


class Point(NamedTuple):
    """Validation accuracy and loss after ``share`` of the epochs; accuracy and share are 0 to 1."""

    share: float
    accuracy: float
    loss: float


def validation_curve(events: Iterable[Event]) -> list[Point]:
    """The validation curve of a run from its events, without epochs that were not validated."""
    valid_events = surviving(events)
    planned_epochs = max(
        [event.epochs for event in valid_events if isinstance(event, RunStarted)] or [1]
    )
    return [
        Point(event.epoch / planned_epochs, event.val_accuracy, event.val_loss)
        for event in valid_events
        if isinstance(event, EpochEnd)
        and event.val_accuracy is not None
        and event.val_loss is not None
        and math.isfinite(event.val_loss)
    ]


def best_point(curve: Sequence[Point]) -> Point | None:
    """The most accurate point, of equals the one with the lowest loss; None for no points."""
    return max(curve, key=lambda point: (point.accuracy, -point.loss), default=None)


def score(point: Point, pictures: int) -> float:
    """A score that ranks by accuracy and, among equals, by loss; higher is better.

    The loss contributes less than half of 1 / ``pictures``, the weight of one validation picture.
    """
    return point.accuracy - 0.5 / max(1, pictures) * point.loss / (1 + point.loss)


def should_prune(
    curve: Sequence[Point], finished_curves: Sequence[Sequence[Point]], pictures: int
) -> bool:
    """Whether the trial of ``curve`` is worse than the median of the finished trials by then.

    This is the median rule of Golovin and others 2017, "Google Vizier": each trial counts with its
    best score so far. The distance to the median has to exceed one standard error of an accuracy
    on ``pictures`` validation pictures.
    """
    if (
        len(finished_curves) < MIN_FINISHED_TRIALS
        or not curve
        or curve[-1].share < MIN_SHARE_OF_EPOCHS
        or curve[-1].share >= 1
    ):
        return False
    scores_then = [
        score(best, pictures)
        for finished in finished_curves
        if (
            best := best_point(
                [point for point in finished if point.share <= curve[-1].share + 1e-9]
            )
        )
    ]
    own_best = best_point(curve)
    if own_best is None or len(scores_then) < MIN_FINISHED_TRIALS:
        return False
    median = statistics.median(scores_then)
    accuracy = min(max(median, 0.0), 1.0)
    return score(own_best, pictures) < median - math.sqrt(
        accuracy * (1 - accuracy) / max(1, pictures)
    )
